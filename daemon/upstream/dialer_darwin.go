package upstream

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unackedTimeout is how long sent bytes may stay unacknowledged: they have been repeated
// five times by then. It ends a dead connection on which data was sent. The keepalive ends
// one that only waits.
const unackedTimeout = 10 * time.Second

// limitUnacked sets TCP_RXT_CONNDROPTIME, in seconds (netinet/tcp.h).
func limitUnacked(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_RXT_CONNDROPTIME, int(unackedTimeout.Seconds()))
	})
}
