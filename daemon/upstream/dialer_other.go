//go:build !linux && !darwin && !windows

package upstream

import (
	"syscall"
	"time"
)

// unackedTimeout is not used here.
const unackedTimeout = 10 * time.Second

// limitUnacked does nothing: here only the keepalive finds dead connections.
func limitUnacked(string, string, syscall.RawConn) error { return nil }
