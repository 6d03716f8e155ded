package players

import (
	"net/netip"
	"os"
)

// tables are read both where the kernel does not answer: a program that connects to
// 127.0.0.1 through an IPv6 socket stands in the second, as ::ffff:127.0.0.1.
var tables = []string{"/proc/net/tcp", "/proc/net/tcp6"}

// looks is how often the tables are read for one connection. The kernel gives
// them out in pieces, so a row may be missed while others come and go.
const looks = 3

func ownerOf(local, remote netip.AddrPort) Peer {
	if uid, ok := askKernel(local, remote); ok {
		return Peer{UID: uid, Known: true}
	}
	for range looks {
		for _, path := range tables {
			table, err := os.ReadFile(path)
			if err != nil {
				continue // no IPv6, or no /proc
			}
			if s, ok := connected(table, local, remote); ok {
				return Peer{UID: s.uid, Known: true}
			}
		}
	}
	return Peer{}
}
