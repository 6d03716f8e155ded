package wsconn

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

const (
	// tokenDeadline is how long an attempt waits for a token before it connects:
	// a rotation that is answered at its last moment takes a minute.
	tokenDeadline = 70 * time.Second
	// renewDeadline is how long an open connection may wait for a token. Nothing
	// reads it meanwhile, so it is less than the 20 s in which ABS wants its ping
	// answered.
	renewDeadline = 15 * time.Second
)

// errAPIKey ends an attempt for an account with an API key: see NoSocket.
var errAPIKey = errors.New("an API key has no live socket")

// noToken wraps the session's error when it has no token to give.
type noToken struct{ err error }

func (n noToken) Error() string { return n.err.Error() }
func (n noToken) Unwrap() error { return n.err }

// attempt connects, signs in and serves until the connection ends. It returns
// the reason and leaves no connection behind.
func (s *Socket) attempt(ctx context.Context) error {
	// A connection without a token is useless.
	if _, err := s.token(ctx, tokenDeadline); err != nil {
		return err
	}
	conn, err := s.open(ctx)
	if err != nil {
		s.mu.Lock()
		s.snap.ShortCut = 0 // it is more than a cut now
		s.mu.Unlock()
		return err
	}
	defer conn.Close()
	s.setState(Connected)
	if err := s.signIn(ctx, conn); err != nil {
		return err
	}
	s.markUp(conn)
	began := time.Now()
	err = conn.Serve(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = nil
	life := time.Since(began)
	if life >= stableAfter {
		s.lostAt = time.Now()
		s.resetBackoff()
	}
	if errors.Is(err, syscall.ETIMEDOUT) {
		return unanswered{err}
	}
	expected := endedByOthers(err) && s.cutPeriod.end(life)
	s.snap.ShortCut = s.cutPeriod.short()
	if expected {
		return expectedCut{err}
	}
	return err
}

// expectedCut wraps the end of a connection that was cut at the usual moment.
type expectedCut struct{ err error }

func (h expectedCut) Error() string { return h.err.Error() }
func (h expectedCut) Unwrap() error { return h.err }

// unanswered wraps the end of a connection over which the system got no answer any more.
type unanswered struct{ err error }

func (u unanswered) Error() string { return u.err.Error() }
func (u unanswered) Unwrap() error { return u.err }

// endedByOthers reports whether the other side ended the connection. It is false
// when we found the connection dead.
func endedByOthers(err error) bool {
	var w *TemporaryError
	return errors.As(err, &w) && !errors.Is(err, errNoPong) && !errors.Is(err, errProbe)
}

// open connects. Kick may abort it.
func (s *Socket) open(ctx context.Context) (*Conn, error) {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	s.mu.Lock()
	s.abort, s.begun = abort, time.Now()
	s.forgetKick()
	s.setStateLocked(Connecting)
	s.mu.Unlock()
	conn, err := Open(ctx, s.cfg.Server, s.events.push, s.cfg.Watch, s.cfg.Turns)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abort = nil
	if s.abortTimer != nil {
		s.abortTimer.Stop()
		s.abortTimer = nil
	}
	return conn, err
}

// signIn authenticates with a token that is valid now: an older one may have
// expired while the connection was made. A refusal is reported to the session,
// once until a sign-in succeeds. The session's new token is tried on the same
// connection: the server keeps it open and accepts a later token (measured on
// 2.36.0). Further refusals concern the socket only, not the session.
func (s *Socket) signIn(ctx context.Context, conn *Conn) error {
	token, err := s.token(ctx, renewDeadline)
	if err != nil {
		return err
	}
	err = conn.Authenticate(ctx, token)
	var refused *Refused
	if !errors.As(err, &refused) || s.suspected || !renews(token) {
		return err
	}
	s.suspected = true
	renewing, cancel := context.WithTimeout(ctx, renewDeadline)
	defer cancel()
	fresh, err := s.cfg.Tokens.Suspect(renewing, token)
	if err != nil {
		return fmt.Errorf("%w; no other one is to be had: %w", refused, err)
	}
	return conn.Authenticate(ctx, fresh)
}

// token asks the session for a token that a socket can use.
func (s *Socket) token(ctx context.Context, within time.Duration) (redact.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	token, err := s.cfg.Tokens.Token(ctx)
	if err != nil {
		return redact.Secret{}, noToken{err}
	}
	if parsed, err := absapi.ParseToken(token); err == nil && parsed.Type == "api" {
		return redact.Secret{}, errAPIKey
	}
	return token, nil
}

// renews reports whether the session can replace this token. A legacy token
// never expires and has no successor, and the session would count a report of
// the socket as half a proof against it.
func renews(token redact.Secret) bool {
	parsed, err := absapi.ParseToken(token)
	return err != nil || !parsed.ExpiresAt.IsZero()
}
