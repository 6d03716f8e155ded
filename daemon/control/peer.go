package control

import "log/slog"

// peer is the user at the other end of a connection. The zero peer is unknown and
// gets no answer.
type peer struct {
	user        string // as the kernel reports it: a number, on Windows a SID; "" for unknown
	unsupported bool   // this system reports no peers; see the package comment
}

// isSelf reports whether the peer may be trusted as the user we run as. Root
// is no exception: a program under sudo has its own daemon, and would leave
// files here that the user cannot remove.
func (p peer) isSelf() bool {
	return p.unsupported || p.user != "" && p.user == currentUser()
}

// LogValue implements slog.LogValuer.
func (p peer) LogValue() slog.Value {
	if p.user == "" {
		return slog.StringValue("unknown")
	}
	return slog.StringValue(p.user)
}
