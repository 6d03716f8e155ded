package upstream

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hasZeroWindow is true: TCP_USER_TIMEOUT ends a connection with a zero window too
// (Linux: net/ipv4/tcp_timer.c, tcp_probe_timer).
const hasZeroWindow = true

// sendQueue reports whether a connection has bytes that were never sent, and bytes
// that were sent and not confirmed.
func sendQueue(raw syscall.RawConn) (unsent, unconfirmed bool, err error) {
	var info *unix.TCPInfo
	var got error
	if err := raw.Control(func(fd uintptr) { info, got = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); err != nil {
		return false, false, err
	}
	if got != nil {
		return false, false, got
	}
	return info.Notsent_bytes > 0, info.Unacked > 0, nil
}

// setUserTimeout sets TCP_USER_TIMEOUT; 0 is the system's default.
func setUserTimeout(raw syscall.RawConn, d time.Duration) error {
	var set error
	err := raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return set
}
