package absapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
)

// withProvider is a house that lets users in through a provider.
func withProvider(t *testing.T, config absfake.Config, o absfake.OpenID, live func(t *testing.T, h house, p *oidcprovider.Provider)) {
	t.Helper()
	p := oidcprovider.New(oidcprovider.Config{Issuer: realm, ClientID: "abs", ClientSecret: "sek",
		User: oidcprovider.User{Username: "alice"}})
	config.Outbound = p
	o.Issuer, o.ClientID, o.ClientSecret = realm, "abs", "sek"
	inHouse(t, config, func(t *testing.T, h house) {
		h.server.SetOpenID(o)
		live(t, h, p)
	})
}

// visit is a browser: it follows redirects until one leads to the app.
func (h house) visit(t *testing.T, p *oidcprovider.Provider, at, app string) url.Values {
	t.Helper()
	for range 4 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		var via http.RoundTripper = h.transport
		if strings.HasPrefix(at, realm) {
			via = p
		}
		resp, err := via.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		at = resp.Header.Get("Location")
		if query, ok := strings.CutPrefix(at, app+"?"); ok {
			back, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			return back
		}
	}
	t.Fatalf("the browser ends at %q", at)
	return nil
}

func (h house) authorize(t *testing.T, redirect string) *Authorization {
	t.Helper()
	flow, _, err := h.Authorize(t.Context(), string(h.server.Release()), redirect)
	if err != nil {
		t.Fatal(err)
	}
	return flow
}

type noCookies struct{ http.CookieJar }

func (noCookies) Cookies(*url.URL) []*http.Cookie { return nil }

type without struct {
	http.CookieJar
	name string
}

func (w without) Cookies(u *url.URL) (left []*http.Cookie) {
	for _, c := range w.CookieJar.Cookies(u) {
		if c.Name != w.name {
			left = append(left, c)
		}
	}
	return left
}
