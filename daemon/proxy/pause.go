package proxy

import (
	"context"
	"errors"
	"sync"
	"time"

	"shelfkeeper/daemon/proxy/refusal"
)

// resumeSoon bounds the Retry-After of a pause: its user may end it early.
const resumeSoon = time.Minute

// errPaused ends what runs when a pause begins.
var errPaused = errors.New("the account is paused")

// pausing is the user's wish that no player is served.
type pausing struct {
	mu    sync.Mutex
	on    bool
	until time.Time // zero: until it is resumed
	words string
	// serving ends when a pause begins, and with it what players are being sent.
	serving context.Context
	stop    context.CancelCauseFunc
}

func newPausing() *pausing {
	p := &pausing{}
	p.serving, p.stop = context.WithCancelCause(context.Background())
	return p
}

// Pause serves no player until the time until, or for a zero one until Resume.
// words say so to people. Streams and live sockets are cut. Reports of
// listening still reach the journal, so that a player that was playing loses
// none.
func (s *Server) Pause(until time.Time, words string) {
	p := s.pausing
	p.mu.Lock()
	p.on, p.until, p.words = true, until, words
	p.stop(errPaused)
	p.mu.Unlock()
	s.sockets.End(errPaused)
}

// Resume serves players again.
func (s *Server) Resume() {
	s.pausing.mu.Lock()
	defer s.pausing.mu.Unlock()
	s.pausing.resumeLocked()
}

func (p *pausing) resumeLocked() {
	if p.on {
		p.on = false
		p.serving, p.stop = context.WithCancelCause(context.Background())
	}
}

// paused returns why nobody is served, nil where players are. The clock of the
// wall decides, since a timer may be late after a sleep.
func (s *Server) paused() *refusal.Refusal {
	p := s.pausing
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now().Round(0)
	if !p.until.IsZero() && !now.Before(p.until) {
		p.resumeLocked()
	}
	if !p.on {
		return nil
	}
	no := refusal.Paused.Because(p.words)
	if no.Retry = resumeSoon; !p.until.IsZero() {
		no.Retry = min(resumeSoon, p.until.Sub(now))
	}
	return no
}

// untilPaused returns c's context bound to end when a pause begins.
func (s *Server) untilPaused(ctx context.Context) (context.Context, func()) {
	s.pausing.mu.Lock()
	serving := s.pausing.serving
	s.pausing.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	forget := context.AfterFunc(serving, func() { cancel(errPaused) })
	return ctx, func() {
		forget()
		cancel(nil)
	}
}
