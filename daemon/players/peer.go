// Package players identifies the programs that use an account: the user at the
// other end of a local connection, and the grants that the user has made.
//
// It exists because a loopback port is open to everybody on the machine: other
// users, containers, web pages. Without a grant only programs of the daemon's own
// user are served. Every other program presents a grant. The package stores no
// secret in the clear and never guesses: a peer that is not certain is unknown.
//
// Begin with PeerOf, which says who is at the other end of a connection, and with
// OpenGrants. Identities knows callers by what they present, and is safe for
// concurrent use.
package players

import (
	"net"
	"net/netip"
	"runtime"
)

// Peer is the user who owns the far end of a connection.
type Peer struct {
	UID   int
	Known bool // false means that the user is unknown and UID has no meaning
}

// NamesUsers reports whether the system says which user a connection belongs to.
const NamesUsers = runtime.GOOS == "linux" || runtime.GOOS == "windows"

// PeerOf returns the user at the far end of a TCP connection on this machine. Call
// it while the connection is open; the answer holds for its lifetime. It reads the
// system's socket tables, so call it once for a connection, and only when needed.
// Where NamesUsers is false every peer is unknown. On Windows all foreign users share
// one id.
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

func addrPort(a net.Addr) (netip.AddrPort, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	ap := tcp.AddrPort()
	return plain(ap), ap.IsValid()
}

// plain unifies the two notations of an IPv4 address, and drops the zone.
func plain(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
