package players

import (
	"bufio"
	"bytes"
	"net/netip"
	"os"
	"time"
)

// tables are both read when the kernel does not answer. The second one lists
// programs that connect to 127.0.0.1 through an IPv6 socket, as ::ffff:127.0.0.1.
var tables = []string{"/proc/net/tcp", "/proc/net/tcp6"}

// tableReads is how often the tables are read for one connection. The kernel
// returns them in pieces, so a row may be missed while others come and go.
const tableReads = 3

// users reads the tables for all connections that wait.
var users = newTableReader(readUsers)

func ownerOf(local, remote netip.AddrPort) Peer {
	switch uid, is := socketOwner(local, remote); is {
	case held:
		return Peer{UID: uid, Known: true}
	case nobodys:
		// Strangers leave many such connections at once. The tables would be read in
		// vain for each, and they are long then.
		return Peer{}
	}
	uid, ok := users.find(local, remote, time.Now().Add(tableWait))
	return Peer{UID: uid, Known: ok}
}

func readUsers(all []*question) {
	open := unanswered(all)
	for range tableReads {
		for _, path := range tables {
			readTable(path, func(s socket) bool {
				if s.connects() {
					answer(open, pair{s.local, s.remote}, s.uid)
				}
				return len(open) > 0
			})
			if len(open) == 0 {
				return
			}
		}
	}
}

// readTable calls yield for each row of a table until it returns false. A table may be
// long, so it is never whole in memory.
func readTable(path string, yield func(socket) bool) {
	f, err := os.Open(path)
	if err != nil {
		return // no IPv6, or no /proc
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if s, ok := parseSocket(bytes.TrimRight(in.Bytes(), "\n")); ok && !yield(s) {
			return
		}
	}
}
