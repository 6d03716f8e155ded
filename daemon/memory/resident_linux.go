package memory

import (
	"bytes"
	"os"
	"strconv"
)

// resident returns the bytes of this process in memory, 0 where they are not known
// (proc_pid_statm(5)).
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
