package upstream

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnacked sets TCP_RXT_CONNDROPTIME, in seconds (netinet/tcp.h).
func limitUnacked(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_RXT_CONNDROPTIME, int(unackedTimeout.Seconds()))
	})
}
