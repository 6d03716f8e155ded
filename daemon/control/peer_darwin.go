package control

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who connected, or at a client who listens
// (LOCAL_PEERCRED, unix(4); getpeereid(3) is built on the same option).
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
		if cred, err := unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); err == nil {
			p = peer{told: true, uid: int(cred.Uid)}
		}
	})
	if err != nil {
		return peer{}
	}
	return p
}
