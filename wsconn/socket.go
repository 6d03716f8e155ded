// Package wsconn holds an account's live connection to Audiobookshelf: Socket.IO
// over Engine.IO 4 over one WebSocket, by which the server tells of progress
// made elsewhere.
//
// It exists because such a connection dies of everything: a proxy's idle
// limit, a change of networks, the machine's sleep. A Socket keeps one
// connection per account, never two, and begins it anew with a token that is
// valid at that moment; what is wrong is shown and never hurts the session.
//
// It never ends or renews a session of its own accord: a refusal by the server
// is reported once to the session, which judges for itself. It never falls back
// to long-polling, and it never logs an event's content, which may hold tokens.
package wsconn

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"shelfkeeper/daemon/redact"
)

// Tokens is where a socket gets what it signs in with.
type Tokens interface {
	// Token returns a token that the server should accept now.
	Token(ctx context.Context) (redact.Secret, error)
	// Suspect says that the server refused that token, and returns another one
	// that is worth a try, or an error.
	Suspect(ctx context.Context, token redact.Secret) (redact.Secret, error)
}

// Config is all a Socket is made of. Events and Active may be nil, the rest is
// required.
type Config struct {
	Server Server
	Tokens Tokens
	// Events gets every event of the server, one at a time and in order, from
	// init on, which comes with each new connection: what was told between two
	// of them is lost. It must return. When it is slow, the oldest events that
	// wait for it are dropped.
	Events func(Event)
	// Active says whether anybody would notice now that the socket is dead; it
	// is then found within 12 s rather than 50. May be nil.
	Active func() bool
	Log    *slog.Logger // with the account's name
}

// Socket is an account's one live connection, kept up. All its methods are safe
// for concurrent use.
type Socket struct {
	cfg    Config
	events *queue
	kicked chan struct{} // ends a pause; holds one

	stop    context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	snap      Snapshot
	changed   chan struct{}
	backoff   *backoff.ExponentialBackOff // while the loss is fresh
	late      *backoff.ExponentialBackOff // after that
	lost      time.Time                   // when a connection that held was lost
	habit     habit
	conn      *Conn                   // while it is authenticated
	abort     context.CancelCauseFunc // of an attempt that has not connected yet
	begun     time.Time               // that attempt
	later     *time.Timer             // aborts it, unless it succeeds before
	ups       int
	told      map[string]bool // reasons logged since it was last up
	closed    bool
	suspected bool // only the goroutine of run: auth_failed was reported since it was last up
}

// New returns a Socket that does nothing yet.
func New(cfg Config) *Socket {
	return &Socket{
		cfg: cfg, events: newQueue(cfg.Events), kicked: make(chan struct{}, 1), backoff: newBackoff(pauseMost), late: newBackoff(pauseLate),
		snap: Snapshot{State: Off, Since: time.Now()}, changed: make(chan struct{}), told: map[string]bool{},
	}
}

// Start begins to connect and returns at once. It is called once; after Close
// it does nothing.
func (s *Socket) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.to(Waiting)
	s.running.Go(func() { s.run(ctx) })
	if s.cfg.Events != nil {
		s.running.Go(func() { s.events.run(ctx) })
	}
}

// Close ends the connection, cleanly within closeGrace if it works, and waits
// for everything the socket started, a call of Events included. It may be
// called more than once.
func (s *Socket) Close() {
	s.mu.Lock()
	s.closed = true
	stop := s.stop
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
	s.running.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to(Off)
}

// Snapshot returns the present state.
func (s *Socket) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := s.snap
	snap.Dropped = s.events.lost()
	return snap
}

// Changed returns a channel that is closed at the next change of the snapshot,
// Dropped aside.
func (s *Socket) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Kick says that now is a good moment: the network changed, the server is back,
// the session has a token again. The back-off begins anew, and a socket that
// waits tries at once. A connection that stands is left alone; see Probe.
func (s *Socket) Kick(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fresh()
	switch s.snap.State {
	case Waiting, Off:
		s.skipPause()
	case Authenticated:
		if s.conn != nil {
			return
		}
		s.skipPause() // it has just ended
	case Connecting:
		if s.abort == nil {
			return
		}
		if young := abortAfter - time.Since(s.begun); young > 0 {
			if s.later == nil { // it may have begun too early, on a network that was not yet whole
				begun := s.begun
				s.later = time.AfterFunc(young, func() { s.abortIf(begun) })
			}
			return
		}
		s.abort(errKicked)
	default:
		return
	}
	s.cfg.Log.Debug("live socket tries now", "reason", reason)
}

// abortIf ends the attempt that began then, if it is still under way.
func (s *Socket) abortIf(begun time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.abort != nil && s.begun.Equal(begun) {
		s.abort(errKicked)
	}
}

// Probe asks over the connection whether the server is still there and reports
// whether it answered within 1.5 s. If not, or if ctx ends, the connection is
// replaced at once; if none is authenticated, Probe is a Kick and false.
func (s *Socket) Probe(ctx context.Context, reason string) bool {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		s.Kick(reason)
		return false
	}
	if conn.Ping(ctx) == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == conn {
		s.fresh()
		conn.Drop(errProbe)
	}
	return false
}

// Check is Probe for who does not wait for the answer: it returns at once.
func (s *Socket) Check(reason string) {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		s.Kick(reason)
		return
	}
	conn.Doubt()
}

// Stir says that players have become active; see Config.Active.
func (s *Socket) Stir() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Stir()
	}
}

// Emit sends an event's frame to the server. It returns false when there is no
// connection that could carry it: whoever wants to may try again after the
// next init. A connection that was silent for long is asked first.
func (s *Socket) Emit(ctx context.Context, frame []byte) bool {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil || conn.Quiet() >= stale && !s.Probe(ctx, "before sending") {
		return false
	}
	return conn.write(frame, time.Now().Add(writeDeadline)) == nil
}

// fresh begins the back-off anew; mu is held.
func (s *Socket) fresh() {
	s.backoff.Reset()
	s.late.Reset()
}

// skipPause is called with mu held.
func (s *Socket) skipPause() {
	select {
	case s.kicked <- struct{}{}:
	default:
	}
}

// drain forgets a Kick that came before the attempt which it asked for.
func (s *Socket) drain() {
	select {
	case <-s.kicked:
	default:
	}
}

// run makes one attempt after the other: none begins before the connection of
// the one before is gone.
func (s *Socket) run(ctx context.Context) {
	for ctx.Err() == nil {
		end := s.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		s.down(end)
		s.pause(ctx, end)
	}
}

// errKicked ends an attempt on a network that is no longer there.
var errKicked = errors.New("begun anew")
