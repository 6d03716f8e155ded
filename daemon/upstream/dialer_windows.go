package upstream

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// limitUnacked sets TCP_MAXRT, in seconds (ws2ipdef.h).
func limitUnacked(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_TCP, windows.TCP_MAXRT, int(unackedTimeout.Seconds()))
	})
}
