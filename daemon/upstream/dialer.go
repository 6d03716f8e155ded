package upstream

import (
	"net"
	"time"
)

// Settings by which TCP notices a dead peer. Without them a connection over a lost
// link stays open for 148 s when idle and for 15 minutes when data is sent
// (measured with a silent blackhole on Linux).
const (
	// unackedTimeout is how long sent bytes may stay unacknowledged: the kernel has
	// repeated them five times by then. It ends a dead connection on which data was
	// sent. The keepalive ends one that only waits.
	unackedTimeout = 10 * time.Second
	// The kernel sends a keepalive probe after 15 s of silence and gives up after
	// three. It wakes no process.
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = 5 * time.Second
	keepAliveCount    = 3
)

// newDialer returns the dialer of all connections to the server, for one address; see
// racer for a name.
func newDialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount},
		Control:         limitUnacked,
	}
}
