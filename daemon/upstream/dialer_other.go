//go:build !linux && !darwin && !windows

package upstream

import "syscall"

// limitUnacked does nothing: here only the keepalive finds dead connections.
func limitUnacked(string, string, syscall.RawConn) error { return nil }
