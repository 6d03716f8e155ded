package proxy

import (
	"context"
	"errors"
	"maps"
	"slices"
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
	// running ends when a pause begins, and with it what players are being sent.
	running map[*cut]struct{}
}

// cut ends something that a pause ends.
type cut struct{ cancel context.CancelCauseFunc }

func newPausing() *pausing { return &pausing{running: make(map[*cut]struct{})} }

// Pause serves no player until the time until, or for a zero one until Resume.
// words say so to people. Streams and live sockets are cut. Reports of
// listening still reach the journal, so that a player that was playing loses
// none.
func (s *Server) Pause(until time.Time, words string) {
	p := s.pausing
	p.mu.Lock()
	p.on, p.until, p.words = true, until, words
	running := slices.Collect(maps.Keys(p.running))
	p.mu.Unlock()
	for _, one := range running {
		one.cancel(errPaused)
	}
	s.sockets.End(errPaused)
}

// Resume serves players again.
func (s *Server) Resume() {
	s.pausing.mu.Lock()
	defer s.pausing.mu.Unlock()
	s.pausing.resumeLocked()
}

func (p *pausing) resumeLocked() {
	p.on = false
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

// begin makes a pause end one, at once where there is a pause already.
func (p *pausing) begin(one *cut) {
	p.mu.Lock()
	p.running[one] = struct{}{}
	on := p.on
	p.mu.Unlock()
	if on {
		one.cancel(errPaused)
	}
}

func (p *pausing) end(one *cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, one)
}

// context returns the context of c for what outlives an attempt: it ends when a pause
// begins. Most requests need none, since their first attempt is their last.
func (c *call) context() context.Context {
	if !c.pausable {
		return c.r.Context()
	}
	if c.life == nil {
		c.life, c.lifeCut.cancel = context.WithCancelCause(c.r.Context())
		c.server.pausing.begin(&c.lifeCut)
	}
	return c.life
}

// over ends the context.
func (c *call) over() {
	if c.life != nil {
		c.server.pausing.end(&c.lifeCut)
		c.lifeCut.cancel(nil)
	}
}
