package durable

import "syscall"

// Windows' own codes (winerror.h).
const (
	errorWriteProtect = syscall.Errno(19)
	errorCRC          = syscall.Errno(23)
	errorHandleFull   = syscall.Errno(39)
	errorDiskFull     = syscall.Errno(112)
	errorIODevice     = syscall.Errno(1117)
)

func isNoSpace(code syscall.Errno) bool    { return code == errorHandleFull || code == errorDiskFull }
func isReadOnly(code syscall.Errno) bool   { return code == errorWriteProtect }
func isNoLocks(syscall.Errno) bool         { return false }
func isDiskFailed(code syscall.Errno) bool { return code == errorCRC || code == errorIODevice }

// ownedByRootAlone is about sudo, which Windows has not in this form.
func ownedByRootAlone(string) bool { return false }
