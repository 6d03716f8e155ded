package players

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// The layout of inet_diag_req_v2 and inet_diag_msg (linux/inet_diag.h): the
// socket's identity has the same shape in both.
const (
	sockDiagByFamily = 20
	diagRequestSize  = 8 + diagIDSize
	diagIDSize       = 48
	diagMessageSize  = 4 + diagIDSize + 20
	diagUID          = 4 + diagIDSize + 12
	// diagWait bounds the kernel's answer, in seconds. It takes microseconds.
	diagWait = 1
)

// found is what the kernel says of one socket.
type found int

const (
	notTold found = iota // the kernel does not answer, as in some sandboxes
	nobodys              // no process holds such a socket
	held
)

// diagWorks is set when the kernel has described a socket. Before that its answer
// "not found" may mean that it knows nothing of TCP sockets at all.
var diagWorks atomic.Bool

// socketOwner returns the owner of the socket from local to remote. It asks the
// kernel for this socket alone: reading the tables under /proc/net takes
// milliseconds on a machine with many sockets.
func socketOwner(local, remote netip.AddrPort) (uid int, is found) {
	uid, is = askKernel(local, remote)
	switch {
	case is == held:
		diagWorks.Store(true)
	case is == nobodys && !diagWorks.Load():
		is = notTold
	}
	return uid, is
}

func askKernel(local, remote netip.AddrPort) (uid int, is found) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, notTold
	}
	defer unix.Close(fd)
	if unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: diagWait}) != nil {
		return 0, notTold
	}
	if unix.Sendto(fd, diagRequest(local, remote), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
		return 0, notTold
	}
	answer := make([]byte, diagAnswer)
	n, from, err := unix.Recvfrom(fd, answer, 0)
	if kernel, is := from.(*unix.SockaddrNetlink); err != nil || !is || kernel.Pid != 0 {
		return 0, notTold
	}
	return diagOwner(answer[:n], diagID(local, remote))
}

// diagAnswer is more than what is read of an answer. It lies on the stack of a player's
// connection, which a larger one would double for as long as the connection lives.
const diagAnswer = 512

// diagID is the identity of a socket: ports, addresses, no interface, and a cookie
// that means "any".
func diagID(local, remote netip.AddrPort) []byte {
	id := make([]byte, diagIDSize)
	binary.BigEndian.PutUint16(id[0:], local.Port())
	binary.BigEndian.PutUint16(id[2:], remote.Port())
	copy(id[4:20], local.Addr().AsSlice())
	copy(id[20:36], remote.Addr().AsSlice())
	for i := 40; i < diagIDSize; i++ {
		id[i] = 0xff
	}
	return id
}

func diagRequest(local, remote netip.AddrPort) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN+diagRequestSize)
	ne := binary.NativeEndian
	ne.PutUint32(b[0:], uint32(len(b)))
	ne.PutUint16(b[4:], sockDiagByFamily)
	ne.PutUint16(b[6:], unix.NLM_F_REQUEST)
	body := b[unix.NLMSG_HDRLEN:]
	body[0] = unix.AF_INET
	if local.Addr().Is6() {
		body[0] = unix.AF_INET6
	}
	body[1] = unix.IPPROTO_TCP
	ne.PutUint32(body[4:], 0xffffffff) // in any state
	copy(body[8:], diagID(local, remote))
	return b
}

// diagOwner reads the answer. It must describe the wanted socket: when the kernel
// does not find it, it may answer with a listening one.
func diagOwner(b, id []byte) (uid int, is found) {
	ne := binary.NativeEndian
	if len(b) < unix.NLMSG_HDRLEN+4 {
		return 0, notTold
	}
	message := b[unix.NLMSG_HDRLEN:]
	if ne.Uint16(b[4:]) == unix.NLMSG_ERROR && int32(ne.Uint32(message)) == -int32(unix.ENOENT) {
		return 0, nobodys
	}
	if len(message) < diagMessageSize || ne.Uint16(b[4:]) != sockDiagByFamily {
		return 0, notTold
	}
	const named = 36 // ports and addresses
	if string(message[4:4+named]) != string(id[:named]) || message[1] == listening {
		return 0, notTold // an IPv6 socket with IPv4 addresses is such a case
	}
	if ne.Uint32(message[4+diagIDSize+16:]) == 0 { // its inode
		return 0, nobodys
	}
	return int(ne.Uint32(message[diagUID:])), held
}
