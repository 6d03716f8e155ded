package session

import (
	"context"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/session/machine"
)

// auth makes one request that the server's limiter counts.
func (s *Session) auth(ctx context.Context, ask func(context.Context, *absapi.Client) (absapi.Answer, error)) (absapi.Answer, *absapi.Error) {
	return budget.SpendInTurn(ctx, s.Budget, absapi.New(s.conn(), s.Base), ask)
}

// conn returns the attempt's connection, or another one where a wake-up has
// given that up.
func (s *Session) conn() Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.attempt.conn == nil {
		s.attempt.conn = s.Connect()
	}
	return s.attempt.conn
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
