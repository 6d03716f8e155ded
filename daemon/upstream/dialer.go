package upstream

import (
	"net"
	"time"
)

// How TCP finds out that the other end is gone. Without this a connection over
// a link that has vanished stays for 148 s when idle and for 15 minutes when
// written to (measured with a silent blackhole on Linux).
const (
	// unackedMost is how long sent bytes may stay unconfirmed: the kernel has
	// repeated them five times by then. It finds the death of a connection that
	// is written to; one that only waits is found by the keepalive.
	unackedMost = 10 * time.Second
	// The keepalive asks after 15 s of silence and gives up after two more
	// questions. It is the kernel's own work, and wakes nobody.
	aliveAfter = 15 * time.Second
	aliveEvery = 5 * time.Second
	aliveTries = 3
)

// newDialer returns the dialer of all connections to the server. Where a name
// has addresses of both families they are raced (RFC 8305), as net does.
func newDialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: aliveAfter, Interval: aliveEvery, Count: aliveTries},
		Control:         limitUnacked,
	}
}
