package control

import (
	"log/slog"
	"os"
)

// peer is whose process holds the other end of a connection. The zero peer is
// nobody we talk to.
type peer struct {
	told       bool // the kernel named uid
	uid        int
	untellable bool // this system names no peers; see the package comment
}

// isSelf reports whether the peer may be trusted as the user we run as. Root
// is no exception: a program under sudo has its own daemon, and would leave
// files here that the user cannot remove.
func (p peer) isSelf() bool {
	return p.untellable || p.told && p.uid == os.Geteuid()
}

// LogValue implements slog.LogValuer.
func (p peer) LogValue() slog.Value {
	if !p.told {
		return slog.StringValue("unknown")
	}
	return slog.IntValue(p.uid)
}
