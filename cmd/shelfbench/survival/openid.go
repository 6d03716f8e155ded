package survival

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/session/signin"
)

// The kinds of accounts. One that signs in through OpenID has no password: only
// a person in front of a browser can begin a session.
const (
	Password = "password"
	OpenID   = "oidc"
)

// Accounts are the kinds that are played, in the order of the table.
var Accounts = []string{Password, OpenID}

const issuer = "http://provider.example"

// openIDSettings are what the server's admin has filled in.
var openIDSettings = absfake.OpenID{Issuer: issuer, ClientID: "abs", ClientSecret: "secret", MatchBy: "username"}

func newProvider() *oidcprovider.Provider {
	return oidcprovider.New(oidcprovider.Config{
		Issuer: issuer, ClientID: openIDSettings.ClientID, ClientSecret: openIDSettings.ClientSecret,
		User: oidcprovider.User{Subject: "demo", Username: user},
	})
}

// authorize leads a person through the provider's page, which approves at once,
// and returns the authorization with the code that came back.
func (l *life) authorize(b *budget.Budget) (signin.ByCode, error) {
	ctx, cancel := context.WithTimeout(context.Background(), modelPatience)
	defer cancel()
	c := l.connect()
	defer c.Close()
	base, err := url.Parse(server)
	if err != nil {
		return signin.ByCode{}, err
	}
	flow, err := signin.Authorize(ctx, b, absapi.New(c, base), string(l.server.Release()), absapi.Scheme)
	if err != nil {
		return signin.ByCode{}, err
	}
	page, err := http.NewRequestWithContext(ctx, http.MethodGet, flow.URL, nil)
	if err != nil {
		return signin.ByCode{}, err
	}
	approved, err := l.provider.RoundTrip(page)
	if err != nil {
		return signin.ByCode{}, err
	}
	approved.Body.Close()
	back, err := url.Parse(approved.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		return signin.ByCode{}, errors.Join(err, errRefused)
	}
	return signin.ByCode{Authorization: flow, Code: redact.New(back.Query().Get("code"))}, nil
}

// openIDTokens is a sign-in through OpenID by a client that keeps no account of
// the server's limit.
func (l *life) openIDTokens() (pair, error) {
	free := budget.New("")
	code, err := l.authorize(free)
	if err != nil {
		return pair{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), modelPatience)
	defer cancel()
	c := l.connect()
	defer c.Close()
	base, err := url.Parse(server)
	if err != nil {
		return pair{}, err
	}
	got, err := code.Obtain(ctx, free, absapi.New(c, base))
	if err != nil {
		return pair{}, err
	}
	return pair{got.Pair.Access.Secret.Reveal(), got.Pair.Refresh.Secret.Reveal()}, nil
}
