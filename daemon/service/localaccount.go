package service

import (
	"context"
	"errors"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/redact"
)

// localAccount is what the local server needs to know to answer by itself.
func (s *Service) localAccount(signIns *players.Identities) proxy.Account {
	return proxy.Account{
		Name: s.account.Name, SignIns: signIns, Knows: s.session.Knows, Refresh: s.session.RefreshTokens,
		ChangePassword: func(ctx context.Context, old, changed redact.Secret) error {
			err := s.session.ChangePassword(ctx, old, changed)
			var refused *absapi.Error
			if errors.As(err, &refused) && refused.Verdict == absapi.BadRequest {
				return rejected{why: refused}
			}
			return err
		},
	}
}

// rejected is what the server has against a change.
type rejected struct{ why *absapi.Error }

func (r rejected) Error() string { return r.why.Error() }

// Rejection says it to a player.
func (r rejected) Rejection() string { return r.why.Evidence }
