package control

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who connected, or at a client who listens
// (SO_PEERCRED, unix(7)). The answer was fixed at connect or listen, so a
// process that changes its user later keeps what it had.
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
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			p = peer{told: true, uid: int(cred.Uid)}
		}
	})
	if err != nil {
		return peer{}
	}
	return p
}
