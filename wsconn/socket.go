// Package wsconn holds both ends of Audiobookshelf's live socket, which is Socket.IO
// over Engine.IO 4. A Socket is the connection to the server, over one WebSocket;
// there the server announces progress that was made elsewhere. A SessionServer
// serves the live sockets of local players.
//
// The package exists because many events end a connection to the server: a gateway's
// idle limit, a change of networks, the machine's sleep. A Socket keeps one
// connection, never two, and connects again with a token that is valid at that
// moment.
//
// Begin with New and Config for the server's side, and with NewSessionServer for the
// players' side. Both types are safe for concurrent use, and Close waits for their
// goroutines. A Socket returns no errors: its Snapshot says in words what failed,
// and the session goes on. Packet and Event show what a frame holds; see the
// examples.
//
// The package never ends or renews a session. It reports a refusal by the server
// once to the session, which judges for itself. A Socket never falls back to
// long-polling. Nothing here logs the content of an event, which may hold tokens.
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

// Tokens gives a Socket the tokens for its sign-in.
type Tokens interface {
	// Token returns a token that is valid now.
	Token(ctx context.Context) (redact.Secret, error)
	// Suspect reports that the server refused this token. It returns another one
	// that is worth an attempt, or an error.
	Suspect(ctx context.Context, token redact.Secret) (redact.Secret, error)
}

// Config is the configuration of a Socket. Events, Watch and Turns may be empty,
// all others are required.
type Config struct {
	Server Server
	Tokens Tokens
	// Events gets every event of the server, one at a time and in order. Each new
	// connection begins with the event init; events between two connections are
	// lost. Events must return. When it is slow, the oldest waiting events are
	// dropped.
	Events func(Event)
	// Watch says what is found out of the connection. A dead socket is found within 12 s
	// instead of 56 while players are active.
	Watch Watch
	// Turns bounds the large frames of several Sockets. May be nil.
	Turns *Turns
	Log   *slog.Logger // with the account's name
}

// Socket keeps one live connection to the server. All its methods are safe for
// concurrent use.
type Socket struct {
	cfg    Config
	events *queue
	kicked chan struct{} // ends a pause; holds one

	stop    context.CancelFunc
	running sync.WaitGroup

	mu            sync.Mutex
	snap          Snapshot
	changed       chan struct{}
	backoff       *backoff.ExponentialBackOff // within eagerPeriod after a loss
	lateBackoff   *backoff.ExponentialBackOff // after that
	lostAt        time.Time                   // when a stable connection was lost
	cutPeriod     cutPeriod
	conn          *Conn                   // while it is authenticated
	abort         context.CancelCauseFunc // aborts an attempt that has not connected yet
	begun         time.Time               // when that attempt began
	abortTimer    *time.Timer             // aborts it, unless it connects before
	authenticated int                     // how often the socket was
	logged        map[string]bool         // reasons logged since it was last up
	closed        bool
	suspected     bool // auth_failed was reported since the last sign-in; for the goroutine of run only
}

// New returns a Socket that does nothing yet.
func New(cfg Config) *Socket {
	return &Socket{
		cfg: cfg, events: newQueue(cfg.Events), kicked: make(chan struct{}, 1),
		backoff: newBackoff(longestPause), lateBackoff: newBackoff(latePause),
		snap: Snapshot{State: Off, Since: time.Now()}, changed: make(chan struct{}), logged: map[string]bool{},
	}
}

// Start begins to connect and returns at once. It is called once. After Close it
// does nothing.
func (s *Socket) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.setStateLocked(Waiting)
	s.running.Go(func() { s.run(ctx) })
	if s.cfg.Events != nil {
		s.running.Go(func() { s.events.run(ctx) })
	}
}

// Close ends the connection, cleanly if it still works, and waits for all
// goroutines of the socket, a call of Events included. It may be called more than
// once.
func (s *Socket) Close() {
	s.mu.Lock()
	s.closed = true
	stop := s.stop
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
	s.running.Wait()
	s.events.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setStateLocked(Off)
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

// Kick asks for an attempt now: the network changed, the server is back, or the
// session has a token again. It resets the back-off, and a waiting socket
// connects at once. It leaves an open connection alone; see Probe.
func (s *Socket) Kick(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resetBackoff()
	switch s.snap.State {
	case Waiting, Off:
		s.skipPause()
	case Authenticated:
		if s.conn != nil {
			return
		}
		s.skipPause() // the connection has just ended
	case Connecting:
		if s.abort == nil {
			return
		}
		if young := abortAfter - time.Since(s.begun); young > 0 {
			if s.abortTimer == nil { // it may have begun on a network that was not complete yet
				begun := s.begun
				s.abortTimer = time.AfterFunc(young, func() { s.abortIf(begun) })
			}
			return
		}
		s.abort(errKicked)
	default:
		return
	}
	s.cfg.Log.Debug("live socket tries now", "reason", reason)
}

// abortIf aborts the attempt that began at begun, if it is still under way.
func (s *Socket) abortIf(begun time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.abort != nil && s.begun.Equal(begun) {
		s.abort(errKicked)
	}
}

// Probe sends a ping and reports whether the server answered within 1.5 s. If
// not, or if ctx ends, the connection is replaced at once. Without an
// authenticated connection Probe calls Kick and reports false.
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
		s.resetBackoff()
		conn.Drop(errProbe)
	}
	return false
}

// Check is Probe without waiting for the answer: it returns at once.
func (s *Socket) Check(reason string) {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		s.Kick(reason)
		return
	}
	conn.RequestProbe()
}

// PlayersActive tells the socket that players have become active; see
// Watch.Active.
func (s *Socket) PlayersActive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.PlayersActive()
	}
}

// Emit sends an event's frame to the server. It reports false when no connection
// can carry it; the caller may try again after the next init. A connection that
// was silent for long is probed first.
func (s *Socket) Emit(ctx context.Context, frame []byte) bool {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil || conn.Quiet() >= stale && !s.Probe(ctx, "before sending") {
		return false
	}
	return conn.write(frame, time.Now().Add(writeDeadline)) == nil
}

// resetBackoff makes the next pauses short again. mu is held.
func (s *Socket) resetBackoff() {
	s.backoff.Reset()
	s.lateBackoff.Reset()
}

// skipPause ends a pause. mu is held.
func (s *Socket) skipPause() {
	select {
	case s.kicked <- struct{}{}:
	default:
	}
}

// forgetKick drops a Kick that came before the attempt that it asked for.
func (s *Socket) forgetKick() {
	select {
	case <-s.kicked:
	default:
	}
}

// run makes one attempt after the other. An attempt begins only when the previous
// connection is closed.
func (s *Socket) run(ctx context.Context) {
	for ctx.Err() == nil {
		end := s.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		s.markDown(end)
		s.pause(ctx, end)
	}
}

// errKicked aborts an attempt because Kick asked for a new one.
var errKicked = errors.New("begun anew")
