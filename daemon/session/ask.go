package session

import (
	"context"
	"fmt"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/daemon/session/signin"
)

// stillFresh is how long after its last answer a connection counts as open. An
// idle one is closed after four seconds; see package upstream.
const stillFresh = 2 * time.Second

// auth makes one request that the server's limiter counts. What the budget learns
// from an answer with tokens is written after the tokens are.
func (s *Session) auth(ctx context.Context, byUser bool, ask budget.Ask) (absapi.Answer, *absapi.Error) {
	return s.authOver(ctx, s.budget(byUser), s.ready, ask)
}

// authOver is auth where ready opens the connection.
func (s *Session) authOver(ctx context.Context, b *budget.Budget, ready budget.Ready, ask budget.Ask) (absapi.Answer, *absapi.Error) {
	answer, failure, learn := budget.SpendFirst(ctx, b, ready, ask)
	s.mu.Lock()
	s.attempt.answeredAt = time.Now()
	if failure == nil {
		s.attempt.learn = append(s.attempt.learn, learn)
	}
	s.mu.Unlock()
	return answer, failure
}

// ready returns a client of the attempt's connection. It opens another one, and
// pings over it, where a slow disk has taken so long since the last answer that
// the connection may be closed, or where a wake-up has given it up.
func (s *Session) ready(ctx context.Context) (*absapi.Client, error) {
	s.mu.Lock()
	conn, idle := s.attempt.conn, time.Since(s.attempt.answeredAt)
	s.mu.Unlock()
	if conn != nil && idle < stillFresh {
		return absapi.New(conn, s.Base), nil
	}
	client, _, err := s.connectAndPing(ctx, machine.PingPatience)
	if err == nil || conn == nil {
		return client, err
	}
	failure := *absapi.AsError(err)
	failure.Evidence = fmt.Sprintf("%s; the disk took %.1f s to write what comes before the request", failure.Evidence, idle.Seconds())
	return nil, &failure
}

// unpinged returns a client of a new connection of the attempt: the one that was
// dialled ahead, unless a slow disk has taken so long since that it may be closed.
func (s *Session) unpinged(context.Context) (*absapi.Client, error) {
	s.mu.Lock()
	conn, dialled := s.attempt.conn, s.attempt.dialedAt
	s.attempt.dialedAt = time.Time{}
	s.mu.Unlock()
	if conn == nil || dialled.IsZero() || time.Since(dialled) >= stillFresh {
		conn = s.connect()
	}
	return absapi.New(conn, s.Base), nil
}

// dialLocked begins to open the attempt's connection.
func (s *Session) dialLocked() {
	s.attempt.disconnect()
	s.attempt.conn, s.attempt.dialedAt = s.Connect(), time.Now()
	s.attempt.conn.Dial()
}

// connect gives the attempt a new connection in the place of the one that it has.
func (s *Session) connect() Conn {
	conn := s.Connect()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempt.disconnect()
	s.attempt.conn = conn
	return conn
}

// connectAndPing opens the attempt's connection, and looks whether an answer
// finds its way back over it.
func (s *Session) connectAndPing(ctx context.Context, patience time.Duration) (*absapi.Client, absapi.Meta, error) {
	conn := s.connect()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := absapi.New(conn, s.Base)
	meta, err := client.Ping(ctx)
	s.mu.Lock()
	s.attempt.answeredAt = time.Now()
	s.mu.Unlock()
	return client, meta, err
}

// budget is the whole one for the user, and a part of it otherwise.
func (s *Session) budget(byUser bool) *budget.Budget {
	if byUser {
		return s.Budget
	}
	return s.Budget.Background()
}

// signIn signs in with a stored password. A session that is begun there and is
// of no use here is ended again.
func (s *Session) signIn(ctx context.Context, e machine.Login) machine.Fact {
	answer, failure := s.auth(ctx, e.ByUser, func(ctx context.Context, c *absapi.Client) (absapi.Answer, error) {
		return login(ctx, c, e)
	})
	leftover := redact.Secret{}
	switch {
	case failure != nil:
		leftover = failure.Leftover
	case answer.UserID != e.UserID:
		leftover = answer.Pair.Refresh.Secret
	}
	if !leftover.IsEmpty() {
		s.endLeftover(ctx, leftover)
	}
	if failure != nil {
		return machine.LoginFailed{Err: failure}
	}
	return machine.LoggedIn{Answer: answer}
}

func (s *Session) endLeftover(ctx context.Context, token redact.Secret) {
	client, err := s.ready(ctx)
	if err == nil {
		err = signin.Logout(ctx, client, token)
	}
	if err != nil {
		s.Log.Warn("a session of no use could not be ended at the server", "account", s.Account, "reason", err)
	}
}

// login signs in as the server's release has it.
func login(ctx context.Context, c *absapi.Client, e machine.Login) (absapi.Answer, error) {
	if e.Legacy {
		status, err := c.Status(ctx)
		if err != nil {
			failure := *absapi.AsError(err)
			failure.Unwritten = true // the password
			return absapi.Answer{}, &failure
		}
		if !absapi.SupportsRefresh(status.Version) {
			return c.LoginLegacy(ctx, e.Username, e.Password)
		}
	}
	return c.Login(ctx, e.Username, e.Password)
}
