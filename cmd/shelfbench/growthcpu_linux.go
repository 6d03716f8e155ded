package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// cpuOf returns what a process has used, exactly: /proc counts hundredths of a second.
// The kernel makes the clock of a process of its number (clock_getcpuclockid(3)).
func cpuOf(pid int) (time.Duration, error) {
	const ofProcess, scheduled = 0, 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|ofProcess|scheduled), &t); err != nil {
		return 0, fmt.Errorf("the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
