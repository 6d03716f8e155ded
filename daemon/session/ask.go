package session

import (
	"context"
	"fmt"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/session/machine"
)

// stillFresh is how long after its last answer a connection counts as open. An
// idle one is closed after four seconds; see package upstream.
const stillFresh = 2 * time.Second

// auth makes one request that the server's limiter counts.
func (s *Session) auth(ctx context.Context, ask budget.Ask) (absapi.Answer, *absapi.Error) {
	answer, failure := budget.SpendInTurn(ctx, s.Budget, s.ready, ask)
	s.mu.Lock()
	s.attempt.answeredAt = time.Now()
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
	client, _, err := s.connectAndPing(ctx)
	if err == nil || conn == nil {
		return client, err
	}
	failure := *absapi.AsError(err)
	failure.Evidence = fmt.Sprintf("%s; the disk took %.1f s to write what comes before the request", failure.Evidence, idle.Seconds())
	return nil, &failure
}

// connectAndPing opens the attempt's connection, and looks whether an answer
// finds its way back over it.
func (s *Session) connectAndPing(ctx context.Context) (*absapi.Client, absapi.Meta, error) {
	conn := s.Connect()
	s.mu.Lock()
	s.attempt.disconnect()
	s.attempt.conn = conn
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, pingDeadline)
	defer cancel()
	client := absapi.New(conn, s.Base)
	meta, err := client.Ping(ctx)
	s.mu.Lock()
	s.attempt.answeredAt = time.Now()
	s.mu.Unlock()
	return client, meta, err
}

// login signs in as the server's release has it.
func login(ctx context.Context, c *absapi.Client, e machine.Login) (absapi.Answer, error) {
	if e.Legacy {
		status, err := c.Status(ctx)
		if err != nil {
			return absapi.Answer{}, err
		}
		if !absapi.SupportsRefresh(status.Version) {
			return c.LoginLegacy(ctx, e.Username, e.Password)
		}
	}
	return c.Login(ctx, e.Username, e.Password)
}
