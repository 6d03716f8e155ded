package conformance

import "context"

// transcripts replays the cases of a group that are frames of sockets. Such a
// case is recorded when its socket has said all it had to say, which is often
// after the cases that made it speak: so the player hears of every case before
// and after it is played, and opens its sockets in time.
type transcripts interface {
	before(ctx context.Context, i int) error  // case i is next; the prelude is over
	after(ctx context.Context, i int)         // case i has been played
	play(ctx context.Context, i int) []string // how the transcript that is case i differs
	close()
}

// newTranscripts makes the player for the sockets of a world.
func newTranscripts(w *World) transcripts { return newSocketPlayer(w) }
