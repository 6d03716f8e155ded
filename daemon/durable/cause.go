package durable

import (
	"errors"
	"runtime"
	"syscall"
)

// IsFull reports whether err says that a file could not grow: the disk is
// full, or a quota or limit is reached.
func IsFull(err error) bool {
	if runtime.GOOS == "windows" { // ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL
		return errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
