package upstream

import (
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// unackedTimeout is how long sent bytes may stay unacknowledged: they have been repeated
// five times by then. It ends a dead connection on which data was sent. The keepalive ends
// one that only waits.
const unackedTimeout = 10 * time.Second

// limitUnacked sets TCP_MAXRT, in seconds (ws2ipdef.h).
func limitUnacked(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_TCP, windows.TCP_MAXRT, int(unackedTimeout.Seconds()))
	})
}
