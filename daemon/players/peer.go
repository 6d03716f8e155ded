// Package players knows who is on the other end of a local connection, and
// which grants the user has given out.
//
// It exists because a loopback port is open to everybody on the machine: other
// users, containers, web pages. Without a grant only programs of the user who
// runs the daemon are served; a grant is what any other program presents. It
// keeps no secret in the clear and never guesses: a peer that cannot be told
// for certain is unknown.
package players

import (
	"net"
	"net/netip"
	"os"
)

// Peer is the user who owns the far end of a connection.
type Peer struct {
	UID   int
	Known bool // false: it could not be told; UID means nothing
}

// PeerOf returns the user at the far end of a TCP connection on this machine.
// Call it while the connection is open; the answer holds for its lifetime. It
// reads the system's socket tables, so ask once a connection, and only when
// the answer matters. On systems other than Linux and Windows every peer is
// unknown, and on Windows all users but ours have one id.
func PeerOf(conn net.Conn) Peer {
	far, ok := addrPort(conn.RemoteAddr())
	if !ok {
		return Peer{}
	}
	near, ok := addrPort(conn.LocalAddr())
	if !ok {
		return Peer{}
	}
	// Seen from the far end, its own address is the local one.
	return ownerOf(far, near)
}

// SameUser reports whether p is certainly the user who runs this process.
func SameUser(p Peer) bool { return p.Known && p.UID == os.Getuid() }

func addrPort(a net.Addr) (netip.AddrPort, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	ap := tcp.AddrPort()
	return plain(ap), ap.IsValid()
}

// plain makes the two spellings of an IPv4 address one, and drops the zone.
func plain(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
