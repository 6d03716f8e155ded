package livesocket

import (
	"context"

	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/redact"
)

const (
	// unsentFrames and unsentBytes bound a player's messages that wait for a
	// connection to the server. Further ones are refused.
	unsentFrames = 64
	unsentBytes  = 64 << 10
)

// emit sends a message to the server, or keeps it until there is a connection. When
// too much waits, it refuses the message in the log, and by an acknowledgement if the
// player wants one.
func (b *bridge) emit(ctx context.Context, frame []byte, p packet) {
	if up := b.up.Load(); up != nil && b.lostAt.IsZero() && len(b.unsent) == 0 && up.Emit(ctx, frame) {
		return
	}
	if !b.keep(frame) {
		b.s.unsent.Add(1)
		b.log.WarnContext(ctx, "what a player said is not sent: too much waits for the server already",
			"event", refusal.OneLine(redact.Text(p.name)))
		if p.id != "" {
			b.end.Send([]byte("43" + p.id + `[{"error":"the server cannot be reached"}]`))
		}
	}
}

// keep keeps a message until there is a connection. It reports false when there is no
// room.
func (b *bridge) keep(frame []byte) bool {
	n := len(frame)
	if len(b.unsent) >= unsentFrames || b.unsentBytes+n > unsentBytes {
		return false
	}
	if b.s.waiting.Add(int64(n)) > unsentTotal {
		b.s.waiting.Add(-int64(n))
		return false
	}
	b.unsent = append(b.unsent, frame)
	b.unsentBytes += n
	return true
}

// flush sends the waiting messages.
func (b *bridge) flush(ctx context.Context) {
	up := b.up.Load()
	for len(b.unsent) > 0 && up != nil && up.Emit(ctx, b.unsent[0]) {
		n := len(b.unsent[0])
		b.unsentBytes -= n
		b.s.waiting.Add(-int64(n))
		b.unsent = b.unsent[1:]
	}
}

// forgetUnsent drops the waiting messages.
func (b *bridge) forgetUnsent() {
	b.s.waiting.Add(-int64(b.unsentBytes))
	b.unsent, b.unsentBytes = nil, 0
}
