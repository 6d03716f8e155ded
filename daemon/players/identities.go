package players

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// keySize is that of the HMAC's hash (RFC 7518, 3.2).
const keySize = 32

// Keys gives out the key that signs an account's local tokens: keySize random
// bytes, always the same while the account is kept. An error means that it
// cannot be had now, as while the keychain is locked.
type Keys func(ctx context.Context) ([]byte, error)

// Identities knows the callers of one account and gives them local tokens in
// place of the server's. Safe for concurrent use.
type Identities struct {
	grants  *Grants
	account string
	keys    Keys
	user    func() (id, name string)

	mu  sync.Mutex
	key []byte
}

// Of returns the identities of an account. user returns its user on the
// server, for the claims of local tokens.
func (g *Grants) Of(account string, keys Keys, user func() (id, name string)) *Identities {
	return &Identities{grants: g, account: account, keys: keys, user: user}
}

// Caller returns who presents this: a grant's secret, or an access or user
// token that was made here. ErrNoGrant when it is neither; any other error
// means that it cannot be told now.
func (i *Identities) Caller(ctx context.Context, presented string) (Caller, error) {
	if !isJWT(presented) {
		if len(presented) > maxPresented {
			return Caller{}, ErrNoGrant
		}
		return i.grants.verify(i.account, presented)
	}
	c, err := i.verify(ctx, presented)
	if err != nil {
		return Caller{}, err
	}
	if c.Type != AccessToken && c.Type != UserToken {
		return Caller{}, fmt.Errorf("%w: a %s token", ErrNoGrant, RefreshToken)
	}
	return i.grants.resolve(i.account, c.Grant, c.SignIn)
}

// Refresh returns new tokens of the sign-in that a refresh token is of. The old
// ones stay good: whose answer was lost must not be signed out. The errors are
// ErrTokenKind for another kind of token, and those of Caller.
func (i *Identities) Refresh(ctx context.Context, presented string) (Caller, Pair, error) {
	if !isJWT(presented) {
		return Caller{}, Pair{}, ErrNoGrant
	}
	said, err := i.verify(ctx, presented)
	if err != nil {
		return Caller{}, Pair{}, err
	}
	if said.Type != RefreshToken {
		return Caller{}, Pair{}, ErrTokenKind
	}
	c, err := i.grants.resolve(i.account, said.Grant, said.SignIn)
	if err != nil {
		return Caller{}, Pair{}, err
	}
	p, err := i.pair(ctx, c)
	return c, p, err
}

// Renew is Refresh by an access token, which is good for as long. ErrNoGrant for
// anything else.
func (i *Identities) Renew(ctx context.Context, access string) (Caller, Pair, error) {
	if !isJWT(access) {
		return Caller{}, Pair{}, ErrNoGrant
	}
	c, err := i.Caller(ctx, access)
	if err == nil && c.SignIn == "" { // a user token is of no sign-in
		err = ErrNoGrant
	}
	if err != nil {
		return Caller{}, Pair{}, err
	}
	p, err := i.pair(ctx, c)
	return c, p, err
}

// ErrTokenKind says that a token is one of ours, but no refresh token.
var ErrTokenKind = errors.New("not a refresh token")

// Alive reports whether what c was admitted by still holds.
func (i *Identities) Alive(c Caller) bool {
	if c.Grant == "" {
		return c.Scope != ""
	}
	_, err := i.grants.resolve(i.account, c.Grant, c.SignIn)
	return err == nil
}

// Token returns what stands in the place of the user's own token in what c
// gets to see; "" for a caller without a grant. It is the same each time, so
// that an answer stays the same while it does at the server.
func (i *Identities) Token(ctx context.Context, c Caller) string {
	if c.Grant == "" {
		return ""
	}
	created, ok := i.grants.created(c.Grant)
	if !ok {
		return ""
	}
	t, err := i.mint(ctx, c, UserToken, "", created, 0)
	if err != nil {
		return ""
	}
	return t
}

// Pair is what a player gets for signing in.
type Pair struct {
	Access, Refresh string
}

// SignIn begins a sign-in of c and returns its tokens. They end with SignOut,
// or with the grant. A caller without a grant gets one for this sign-in alone,
// of c's scope and under a name for the user to know it by.
func (i *Identities) SignIn(ctx context.Context, c Caller, name string) (Caller, Pair, error) {
	if _, err := i.signingKey(ctx); err != nil {
		return Caller{}, Pair{}, err
	}
	if c.Grant == "" {
		g, err := i.grants.open(i.account, name, c.Scope)
		if err != nil {
			return Caller{}, Pair{}, err
		}
		c.Grant = g.ID
	}
	c.SignIn = randomID()
	p, err := i.pair(ctx, c)
	return c, p, err
}

func (i *Identities) pair(ctx context.Context, c Caller) (p Pair, err error) {
	now := time.Now()
	if p.Access, err = i.mint(ctx, c, AccessToken, randomID(), now, accessLife); err != nil {
		return Pair{}, err
	}
	if p.Refresh, err = i.mint(ctx, c, RefreshToken, randomID(), now, refreshLife); err != nil {
		return Pair{}, err
	}
	return p, nil
}

// SignOut ends the sign-in of c; the grant stays, unless it was made for it.
func (i *Identities) SignOut(c Caller) error { return i.grants.end(c) }

func (i *Identities) mint(ctx context.Context, c Caller, kind TokenKind, id string, at time.Time, life time.Duration) (string, error) {
	key, err := i.signingKey(ctx)
	if err != nil {
		return "", err
	}
	userID, name := i.user()
	say := claims{UserID: userID, Username: name, Type: kind, Grant: c.Grant, ID: id, Issued: at.Unix()}
	if kind != UserToken { // that one outlives sign-ins, as the server's does
		say.SignIn = c.SignIn
	}
	if life > 0 {
		say.Expires = at.Add(life).Unix()
	}
	return sign(key, say)
}

// verify returns what a token of ours says.
func (i *Identities) verify(ctx context.Context, token string) (claims, error) {
	key, err := i.signingKey(ctx)
	if err != nil {
		return claims{}, err
	}
	c, err := parse(key, token)
	if err != nil {
		return claims{}, fmt.Errorf("%w: %w", ErrNoGrant, err)
	}
	return c, nil
}

// signingKey returns the key, which is asked for until it can be had once.
func (i *Identities) signingKey(ctx context.Context) ([]byte, error) {
	i.mu.Lock()
	key := i.key
	i.mu.Unlock()
	if key != nil {
		return key, nil
	}
	key, err := i.keys(ctx)
	if err == nil && len(key) != keySize {
		err = fmt.Errorf("it has %d bytes, not %d", len(key), keySize)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of local tokens: %w", err)
	}
	i.mu.Lock()
	i.key = key
	i.mu.Unlock()
	return key, nil
}
