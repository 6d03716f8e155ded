//go:build !linux && !darwin && !windows

package upstream

import "syscall"

// limitUnacked: the keepalive has to do.
func limitUnacked(string, string, syscall.RawConn) error { return nil }
