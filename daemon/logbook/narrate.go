package logbook

import (
	"context"
	"log/slog"
	"time"

	"shelfkeeper/daemon/health"
)

// narrationPause is how long changes that come together wait to be told together.
const narrationPause = 100 * time.Millisecond

// Narrate logs each change of an account's level until ctx ends. changed returns a
// channel that is closed at the next change of the snapshot.
func Narrate(ctx context.Context, log *slog.Logger, changed func() <-chan struct{}, snapshot func() health.Snapshot) {
	var narrator Narrator
	for {
		next := changed()
		lines, again := narrator.Tell(snapshot(), time.Now())
		Log(log, lines)
		var more <-chan time.Time
		if again > 0 {
			more = time.After(again)
		}
		select {
		case <-next:
		case <-more:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(narrationPause):
		case <-ctx.Done():
			return
		}
	}
}
