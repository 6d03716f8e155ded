package service

import (
	"context"
	"errors"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
)

// TokenWait is how long a player's request waits for a token while the server
// is out of reach, before it is sent away: most renewals take less than a
// second, and players give up after some more.
const TokenWait = 10 * time.Second

// Tokens are a session's tokens for players. A request waits a bounded time.
type Tokens struct {
	*session.Session
	// Refused is called where there is no token because the server is out of
	// reach; nil for nobody.
	Refused func()
	// Account is whose they are: what a player reads is what status says.
	Account accounts.Account
}

// Token returns a token that is good now.
func (t Tokens) Token(ctx context.Context) (redact.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, TokenWait)
	defer cancel()
	token, err := t.Session.Token(ctx)
	return token, t.told(err)
}

// Suspect returns another token than the one that the server refused.
func (t Tokens) Suspect(ctx context.Context, token redact.Secret) (redact.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, TokenWait)
	defer cancel()
	fresh, err := t.Session.Suspect(ctx, token)
	return fresh, t.told(err)
}

func (t Tokens) told(err error) error {
	var u *session.Unavailable
	if !errors.As(err, &u) {
		return err
	}
	if t.Refused != nil && u.Condition.Level == health.Offline {
		t.Refused()
	}
	if t.Account.Name == "" {
		return err
	}
	own := *u
	own.Condition.Remedy = shownRemedy(t.Account, u.Condition.ID, u.Condition.Remedy)
	return &own
}
