package wsconn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

const (
	// tokenDeadline is how long an attempt waits for a token before it connects:
	// a rotation that is answered at its last moment takes a minute.
	tokenDeadline = 70 * time.Second
	// renewDeadline is how long a connection that stands waits for a token,
	// unread: less than the 20 s in which ABS wants its ping answered.
	renewDeadline = 15 * time.Second
)

// errAPIKey is the end of an attempt that makes no sense.
var errAPIKey = errors.New("an API key has no live socket")

// noToken is the session's error.
type noToken struct{ err error }

func (n noToken) Error() string { return n.err.Error() }
func (n noToken) Unwrap() error { return n.err }

// attempt connects, signs in and serves until the connection ends; it says why
// and leaves no connection behind.
func (s *Socket) attempt(ctx context.Context) error {
	// Without a token there is no point in a connection.
	if _, err := s.token(ctx, tokenDeadline); err != nil {
		return err
	}
	conn, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	s.at(Connected)
	if err := s.signIn(ctx, conn); err != nil {
		return err
	}
	s.up(conn)
	began := time.Now()
	err = conn.Serve(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = nil
	life := time.Since(began)
	if life >= stableAfter {
		s.lost = time.Now()
		s.fresh()
	}
	if byOthers(err) && s.habit.end(life) {
		return habitualEnd{err}
	}
	return err
}

// habitualEnd is the end of a connection that came when it was to be expected.
type habitualEnd struct{ err error }

func (h habitualEnd) Error() string { return h.err.Error() }
func (h habitualEnd) Unwrap() error { return h.err }

// byOthers reports whether the connection was ended rather than found dead.
func byOthers(err error) bool {
	var w *Weather
	return errors.As(err, &w) && !errors.Is(err, errNoPong) && !errors.Is(err, errProbe)
}

// open connects; Kick may abort it.
func (s *Socket) open(ctx context.Context) (*Conn, error) {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	s.mu.Lock()
	s.abort, s.begun = abort, time.Now()
	s.drain()
	s.to(Connecting)
	s.mu.Unlock()
	conn, err := Open(ctx, s.cfg.Server, s.events.push, s.cfg.Active)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abort = nil
	if s.later != nil {
		s.later.Stop()
		s.later = nil
	}
	return conn, err
}

// signIn authenticates with a token that is valid now: one from before the
// connection was there may have ended meanwhile. A refusal is told to the
// session, once until a sign-in succeeds, and its answer is tried on the same
// connection: the server keeps it open and takes a later token (measured on
// 2.36.0). After that it is the socket's trouble, not the session's.
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

// token asks the session for one that a socket can use.
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

// renews reports whether another token can be had for this one: the legacy
// token has no end and no successor, and the session would count the socket's
// word as half a proof against it.
func renews(token redact.Secret) bool {
	parsed, err := absapi.ParseToken(token)
	return err != nil || !parsed.ExpiresAt.IsZero()
}
