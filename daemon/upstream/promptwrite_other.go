//go:build !linux

package upstream

import "net"

// newTaker returns nil: each write is the connection's own.
func newTaker(net.Conn) taker { return nil }
