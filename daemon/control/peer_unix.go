//go:build linux || darwin

package control

import (
	"net"
	"strconv"
	"syscall"
)

// peerOf asks the kernel for the user at the other end of conn. At a server that
// is the process that connected, at a client the process that listens. The kernel
// fixes the answer at connect or listen, so a process that changes its user later
// keeps the old one.
func peerOf(conn net.Conn) peer {
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return peer{}
	}
	rc, err := raw.SyscallConn()
	if err != nil {
		return peer{}
	}
	var p peer
	err = rc.Control(func(fd uintptr) {
		if uid, err := peerUID(int(fd)); err == nil {
			p = peer{user: strconv.Itoa(uid)}
		}
	})
	if err != nil {
		return peer{}
	}
	return p
}
