//go:build !windows

package netcause

import "syscall"

var codes = map[syscall.Errno]Cause{
	syscall.ECONNREFUSED: Refused,
	syscall.ECONNRESET:   Cut,
	syscall.ECONNABORTED: Cut,
	syscall.EPIPE:        Cut,
	syscall.ENETDOWN:     NoNetwork,
	syscall.ENETUNREACH:  NoNetwork,
	syscall.EHOSTDOWN:    Unreachable,
	syscall.EHOSTUNREACH: Unreachable,
	syscall.ETIMEDOUT:    TimedOut,
	syscall.EADDRINUSE:   InUse,
	syscall.EACCES:       Forbidden,
	syscall.EPERM:        Forbidden, // a local firewall that rejects
}
