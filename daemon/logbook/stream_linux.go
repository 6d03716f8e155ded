package logbook

import (
	"fmt"
	"syscall"
)

// isStream reports whether f is the device and inode that JOURNAL_STREAM names. The
// variable is inherited by programs whose stderr leads elsewhere.
func isStream(f statter, variable string) bool {
	if variable == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	return ok && variable == fmt.Sprintf("%d:%d", at.Dev, at.Ino)
}
