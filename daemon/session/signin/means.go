package signin

import (
	"context"
	"strings"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/keychain"
)

// Means is one way to get a session out of the server: ByPassword, ByCode,
// ByToken. Its error is an *absapi.Error.
type Means interface {
	Obtain(ctx context.Context, b *budget.Budget, c *absapi.Client) (Obtained, error)
}

// Obtained is what the server gave: a pair of tokens, or one that nobody
// rotates.
type Obtained struct {
	UserID, Username string
	ServerVersion    string           // "" if the answer named none
	Pair             absapi.TokenPair // zero where Static is given
	Static           redact.Secret
	Password         keychain.Password // to be kept beside it
	Admin            bool              // the user administers the server, as far as it said
}

// ByPassword signs in with a password.
type ByPassword struct {
	Username string
	Password redact.Secret
	// Keep stores the password, so that a lost session comes back by itself.
	Keep bool
	// Legacy: the server is older than 2.26 and knows one token without an end.
	Legacy bool
}

// Obtain implements Means.
func (p ByPassword) Obtain(ctx context.Context, b *budget.Budget, c *absapi.Client) (Obtained, error) {
	answer, failure := budget.SpendInTurn(ctx, b, budget.With(c), func(ctx context.Context, c *absapi.Client) (absapi.Answer, error) {
		if p.Legacy {
			return c.LoginLegacy(ctx, p.Username, p.Password)
		}
		return c.Login(ctx, p.Username, p.Password)
	})
	if failure != nil {
		return Obtained{}, endLeftover(ctx, c, failure)
	}
	got := obtained(answer)
	if p.Keep {
		got.Password = keychain.StoredPassword(p.Password)
	}
	return got, nil
}

// leastToken is less than what any token of a server has.
const leastToken = 240

// atLeast is what the server will give, as far as its size can be told before.
func (p ByPassword) atLeast() Obtained {
	got := Obtained{Username: p.Username}
	token := absapi.Token{Secret: redact.New(strings.Repeat("x", leastToken))}
	if p.Legacy {
		got.Static = token.Secret
	} else {
		got.Pair = absapi.TokenPair{Access: token, Refresh: token}
	}
	if p.Keep {
		got.Password = keychain.StoredPassword(p.Password)
	}
	return got
}

// endLeftover ends a session that the server began although its answer is of no
// use, and returns the failure.
func endLeftover(ctx context.Context, c *absapi.Client, failure *absapi.Error) error {
	if token := failure.Leftover; !token.IsEmpty() {
		// If it cannot be told, the server removes the session when it expires.
		_ = Logout(context.WithoutCancel(ctx), c, token)
	}
	return failure
}

func obtained(a absapi.Answer) Obtained {
	got := Obtained{UserID: a.UserID, Username: a.Username, ServerVersion: a.ServerVersion, Pair: a.Pair, Admin: a.Admin}
	if a.Pair.Refresh.Secret.IsEmpty() {
		got.Static = a.Legacy
	}
	return got
}

// ByToken signs in with a token that nobody rotates: an API key, or the legacy
// token.
type ByToken struct{ Token redact.Secret }

// Obtain implements Means. It asks the server whose the token is, on a route
// that no limiter counts.
func (t ByToken) Obtain(ctx context.Context, _ *budget.Budget, c *absapi.Client) (Obtained, error) {
	ctx, cancel := context.WithTimeout(ctx, budget.RequestDeadline)
	defer cancel()
	status, err := c.Status(ctx)
	if err != nil {
		return Obtained{}, absapi.AsError(err)
	}
	me, err := c.Me(ctx, t.Token)
	if err != nil {
		return Obtained{}, absapi.AsError(err)
	}
	return Obtained{UserID: me.UserID, Username: me.Username, ServerVersion: status.Version, Static: t.Token}, nil
}

// ByCode signs in with the code that an OpenID provider has sent a person back
// with. The code works once, whatever comes of it.
type ByCode struct {
	Authorization *absapi.Authorization
	Code          redact.Secret
}

// Obtain implements Means.
func (o ByCode) Obtain(ctx context.Context, b *budget.Budget, c *absapi.Client) (Obtained, error) {
	answer, failure := budget.SpendInTurn(ctx, b, budget.With(c), func(ctx context.Context, c *absapi.Client) (absapi.Answer, error) {
		return c.Redeem(ctx, o.Authorization, o.Code)
	})
	if failure != nil {
		return Obtained{}, endLeftover(ctx, c, failure)
	}
	return obtained(answer), nil
}

// Authorize begins a sign-in through OpenID, within the budget. Its error is an
// *absapi.Error.
func Authorize(ctx context.Context, b *budget.Budget, c *absapi.Client, version, redirect string) (*absapi.Authorization, error) {
	var flow *absapi.Authorization
	_, failure := budget.Spend(ctx, b, budget.With(c), func(ctx context.Context, c *absapi.Client) (a absapi.Answer, err error) {
		flow, a.Meta, err = c.Authorize(ctx, version, redirect)
		return a, err
	})
	if failure != nil {
		return nil, failure
	}
	return flow, nil
}
