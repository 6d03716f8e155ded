package home

import (
	"net/http"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
	"shelfkeeper/daemon/control"
	"shelfkeeper/keychain"
)

const (
	absAddress = "http://127.0.0.1:13378"
	realm      = "http://provider.test/realm"
)

// openIDRig is a Home, a server and its provider, all in memory but for the
// listener that a browser comes back to.
type openIDRig struct {
	*testing.T
	*Home
	fake     *absfake.Server
	provider *oidcprovider.Provider
	steps    []control.OpenIDStep
}

func newOpenIDRig(t *testing.T, c absfake.Config) *openIDRig {
	t.Helper()
	p := oidcprovider.New(oidcprovider.Config{Issuer: realm, ClientID: "abs", ClientSecret: "sek",
		User: oidcprovider.User{Username: "demo"}})
	c.Outbound = p
	if c.LimiterMax == 0 {
		c.LimiterMax = -1
	}
	fake, err := absfake.New(c)
	if err != nil {
		t.Fatal(err)
	}
	fake.SetOpenID(absfake.OpenID{Issuer: realm, ClientID: "abs", ClientSecret: "sek", AutoRegister: true, MatchBy: "username"})
	return &openIDRig{T: t, Home: testHome(t, fake), fake: fake, provider: p}
}

// visit is a browser: from the provider's page to the app's address.
func (p *openIDRig) visit(page string) string {
	p.T.Helper()
	transport := &http.Transport{DialContext: p.Dial, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	for at := page; ; {
		r, err := http.NewRequestWithContext(p.Context(), http.MethodGet, at, nil)
		if err != nil {
			p.Fatal(err)
		}
		var via http.RoundTripper = transport
		if strings.HasPrefix(at, realm) {
			via = p.provider
		}
		resp, err := via.RoundTrip(r)
		if err != nil {
			p.Fatal(err)
		}
		_ = resp.Body.Close()
		if at = resp.Header.Get("Location"); !strings.HasPrefix(at, "http") {
			return at
		}
	}
}

// signIn signs in with a browser whose last address somebody brings back. skip
// does without the spare.
func (p *openIDRig) signIn(req control.OpenIDRequest, skip bool) error {
	p.steps = nil
	return p.SignInOpenID(p.Context(), req, func(s control.OpenIDStep) error {
		p.steps = append(p.steps, s)
		switch {
		case s.URL == "":
			return nil
		case s.Spare && skip:
			return p.SkipOpenID(p.Context(), s.State)
		}
		return p.ReturnOpenID(p.Context(), p.visit(s.URL))
	})
}

func (p *openIDRig) mustSignIn(req control.OpenIDRequest, skip bool) {
	p.T.Helper()
	if err := p.signIn(req, skip); err != nil {
		p.Fatal(err)
	}
}

func (p *openIDRig) record(account string) keychain.Record {
	p.T.Helper()
	vault, err := p.openVault(p.Context(), "")
	if err != nil {
		p.Fatal(err)
	}
	rec, err := vault.Load(p.Context(), account)
	if err != nil {
		p.Fatal(err)
	}
	return rec
}

func (p *openIDRig) notes() string {
	var all []string
	for _, s := range p.steps {
		all = append(all, s.Notes...)
	}
	return strings.Join(all, "\n")
}

const name = "127-0-0-1-demo"
