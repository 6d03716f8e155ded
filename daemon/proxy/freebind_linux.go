package proxy

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// bindEarly lets an address be taken before its network is there: containers'
// networks come up after the session does.
func bindEarly(network string, _ string, raw syscall.RawConn) error {
	var set error
	level, option := unix.SOL_IP, unix.IP_FREEBIND
	if network == "tcp6" {
		level, option = unix.SOL_IPV6, unix.IPV6_FREEBIND
	}
	err := raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), level, option, 1) })
	return errors.Join(err, set)
}

var listenEarly = net.ListenConfig{Control: bindEarly}
