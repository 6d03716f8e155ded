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

// Keys returns the key that signs an account's local tokens: keySize random bytes,
// always the same while the account exists. An error means that the key is not
// available now, for example while the keychain is locked.
type Keys func(ctx context.Context) ([]byte, error)

// Identities identifies the callers of one account and gives them local tokens in
// place of the server's. It is safe for concurrent use.
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

// Caller returns the caller that presents a grant's secret, or an access or user
// token of ours. It returns ErrNoGrant for anything else. Any other error means that
// the answer is unknown now.
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

// Refresh returns new tokens for the sign-in of a refresh token. The old ones stay
// valid, so that a player is not signed out when an answer is lost. The errors are
// ErrTokenKind for another kind of token, and those of Caller.
func (i *Identities) Refresh(ctx context.Context, presented string) (Caller, Pair, error) {
	if !isJWT(presented) {
		return Caller{}, Pair{}, ErrNoGrant
	}
	claimed, err := i.verify(ctx, presented)
	if err != nil {
		return Caller{}, Pair{}, err
	}
	if claimed.Type != RefreshToken {
		return Caller{}, Pair{}, ErrTokenKind
	}
	c, err := i.grants.resolve(i.account, claimed.Grant, claimed.SignIn)
	if err != nil {
		return Caller{}, Pair{}, err
	}
	p, err := i.pair(ctx, c)
	return c, p, err
}

// Renew is Refresh for players that keep only an access token. Here it is as good as a
// refresh token: both are valid until the sign-in ends. It returns ErrNoGrant for every
// other token.
func (i *Identities) Renew(ctx context.Context, access string) (Caller, Pair, error) {
	if !isJWT(access) {
		return Caller{}, Pair{}, ErrNoGrant
	}
	c, err := i.Caller(ctx, access)
	if err == nil && c.SignIn == "" { // a user token belongs to no sign-in
		err = ErrNoGrant
	}
	if err != nil {
		return Caller{}, Pair{}, err
	}
	p, err := i.pair(ctx, c)
	return c, p, err
}

// ErrTokenKind says that a token of ours is no refresh token.
var ErrTokenKind = errors.New("not a refresh token")

// Alive reports whether the grant and the sign-in of c still exist.
func (i *Identities) Alive(c Caller) bool {
	if c.Grant == "" {
		return c.Scope != ""
	}
	_, err := i.grants.resolve(i.account, c.Grant, c.SignIn)
	return err == nil
}

// Token returns the local token that replaces the user's real token in answers to c,
// or "" for a caller without a grant. It is always the same, so that an answer
// changes only when the server's answer does.
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

// Pair holds the tokens of a sign-in.
type Pair struct {
	Access, Refresh string
}

// SignIn begins a sign-in of c and returns its tokens. They end with SignOut, or with
// the grant. A caller without a grant gets one for this sign-in, with c's scope and
// a name by which the user recognises it.
func (i *Identities) SignIn(ctx context.Context, c Caller, name string) (Caller, Pair, error) {
	return i.SignInUntil(ctx, c, name, Process{})
}

// SignInUntil is SignIn for a caller whose grant shall not outlive a process: a grant
// made for this sign-in ends with the process at the latest. A process that does not
// run on this machine is ignored.
func (i *Identities) SignInUntil(ctx context.Context, c Caller, name string, with Process) (Caller, Pair, error) {
	if !with.Runs() {
		with = Process{}
	}
	if _, err := i.signingKey(ctx); err != nil {
		return Caller{}, Pair{}, err
	}
	if c.Grant == "" {
		g, err := i.grants.open(i.account, name, c.Scope, with)
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

// SignOut ends the sign-in of c. A grant that was made for it ends too.
func (i *Identities) SignOut(c Caller) error { return i.grants.end(c) }

func (i *Identities) mint(ctx context.Context, c Caller, kind TokenKind, id string, at time.Time, life time.Duration) (string, error) {
	key, err := i.signingKey(ctx)
	if err != nil {
		return "", err
	}
	userID, name := i.user()
	say := claims{UserID: userID, Username: name, Type: kind, Grant: c.Grant, ID: id, Issued: at.Unix()}
	if kind != UserToken { // a user token outlives sign-ins, like the server's
		say.SignIn = c.SignIn
	}
	if life > 0 {
		say.Expires = at.Add(life).Unix()
	}
	return sign(key, say)
}

// verify returns the claims of a token of ours.
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

// signingKey returns the key. It asks keys until the first success.
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
