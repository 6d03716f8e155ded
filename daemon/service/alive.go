package service

import (
	"context"
	"fmt"
)

// Alive returns nil when the account's loop turns, in which changes of its
// health are seen, or has ended as it should.
func (s *Service) Alive(ctx context.Context) error {
	select {
	case s.pulse <- struct{}{}:
		return nil
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("account %s: its loop does not turn: %w", s.account.Name, ctx.Err())
	}
}
