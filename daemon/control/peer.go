package control

import (
	"log/slog"
	"os"
)

// peer is the user at the other end of a connection. The zero peer is unknown and
// gets no answer.
type peer struct {
	known       bool // the kernel reported uid
	uid         int
	unsupported bool // this system reports no peers; see the package comment
}

// isSelf reports whether the peer may be trusted as the user we run as. Root
// is no exception: a program under sudo has its own daemon, and would leave
// files here that the user cannot remove.
func (p peer) isSelf() bool {
	return p.unsupported || p.known && p.uid == os.Geteuid()
}

// LogValue implements slog.LogValuer.
func (p peer) LogValue() slog.Value {
	if !p.known {
		return slog.StringValue("unknown")
	}
	return slog.IntValue(p.uid)
}
