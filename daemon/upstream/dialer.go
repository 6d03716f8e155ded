package upstream

import (
	"net"
	"time"
)

// Settings by which TCP notices a dead peer. Without them a connection over a lost
// link stays open for 148 s when idle and for 15 minutes when data is sent
// (measured with a silent blackhole on Linux).
const (
	// The kernel sends a keepalive probe after 15 s of silence, then one a second while
	// none is answered, and gives up after ten. On a line that loses 30 % of its packets
	// one probe in two gets no answer, and ten in a row once in a thousand times. It
	// wakes no process.
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = time.Second
	keepAliveCount    = 10
)

// newDialer returns the dialer of all connections to the server, for one address; see
// racer for a name.
func newDialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount},
		Control:         limitUnacked,
	}
}
