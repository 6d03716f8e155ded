package players

import (
	"net/netip"
	"os"
)

// tables are both read when the kernel does not answer. The second one lists
// programs that connect to 127.0.0.1 through an IPv6 socket, as ::ffff:127.0.0.1.
var tables = []string{"/proc/net/tcp", "/proc/net/tcp6"}

// tableReads is how often the tables are read for one connection. The kernel
// returns them in pieces, so a row may be missed while others come and go.
const tableReads = 3

func ownerOf(local, remote netip.AddrPort) Peer {
	switch uid, is := socketOwner(local, remote); is {
	case held:
		return Peer{UID: uid, Known: true}
	case nobodys:
		// Strangers leave many such connections at once. The tables would be read in
		// vain for each, and they are long then.
		return Peer{}
	}
	for range tableReads {
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
