//go:build linux || darwin

package budget

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootClock is the clock that runs through sleep and that nobody sets.
func bootClock() (up time.Duration, boot string) {
	var t unix.Timespec
	if err := unix.ClockGettime(bootTime, &t); err != nil {
		return noClock()
	}
	return time.Duration(t.Nano()), bootID()
}
