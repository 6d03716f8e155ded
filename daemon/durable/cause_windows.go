package durable

import "syscall"

// Windows' own codes (winerror.h).
var (
	codesNoSpace    = []syscall.Errno{39, 112}  // ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL
	codesReadOnly   = []syscall.Errno{19}       // ERROR_WRITE_PROTECT
	codesNoLocks    = []syscall.Errno{}         // there is none
	codesDiskFailed = []syscall.Errno{23, 1117} // ERROR_CRC, ERROR_IO_DEVICE
)

// ownedByRootAlone is about sudo, which Windows has not in this form.
func ownedByRootAlone(string) bool { return false }
