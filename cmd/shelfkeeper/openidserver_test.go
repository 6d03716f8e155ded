package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
)

// oidcServer is a server whose users may come through a provider.
type oidcServer struct {
	*server
	provider *oidcprovider.Provider
	issuer   string
}

func newOIDCServer(t testing.TB, c absfake.Config, o absfake.OpenID) *oidcServer {
	t.Helper()
	front := httptest.NewUnstartedServer(nil)
	o.Issuer, o.ClientID, o.ClientSecret = "http://"+front.Listener.Addr().String(), "abs", "sek"
	p := oidcprovider.New(oidcprovider.Config{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret,
		User: oidcprovider.User{Username: user}})
	front.Config.Handler = p
	front.Start()
	t.Cleanup(front.Close)
	c.Outbound = p
	s := &oidcServer{newServer(t, c), p, o.Issuer}
	if o.MatchBy == "" {
		o.MatchBy = "username"
	}
	s.SetOpenID(o)
	return s
}

// browse does what a browser does with a page: it follows redirects, with no
// cookies from before, until there is a page or an app's address.
func browse(t testing.TB, page string) (status int, at, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for at = page; strings.HasPrefix(at, "http://"); {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		resp, got := ask(t, r)
		if _, to, ok := strings.Cut(resp.Header.Get("Refresh"), "url="); ok {
			at = to
			continue
		}
		to, err := resp.Location()
		if err != nil {
			return resp.StatusCode, at, string(got)
		}
		at = to.String()
	}
	return 0, at, ""
}

var pageURL = regexp.MustCompile(`(?m)^  (http://\S+/authorize\?\S+)\r?$`)

// page waits for the nth page that the program asks its user to open.
func (r *process) page(n int) string {
	r.place.t.Helper()
	deadline := time.After(patience)
	for {
		out, more := r.stdout.look() // where a terminal is both
		said, evenMore := r.stderr.look()
		if found := pageURL.FindAllStringSubmatch(out+said, -1); len(found) >= n {
			return found[n-1][1]
		}
		select {
		case <-more:
			continue
		case <-evenMore:
			continue
		case <-r.ended:
			r.place.t.Fatalf("the program ended:\n%s%s", r.stdout.text(), r.stderr.text())
		case <-deadline:
			r.place.t.Fatalf("the program shows no page %d:\n%s%s", n, r.stdout.text(), r.stderr.text())
		}
	}
}

// openIDLogins counts the sessions that the server began through the provider.
func (s *oidcServer) openIDLogins() (n int) {
	for _, l := range s.Ledger().Logins(user) {
		if l.OpenID {
			n++
		}
	}
	return n
}

func (p *place) loginOIDC(s *oidcServer, more ...string) *process {
	p.t.Helper()
	return p.start(append([]string{"login", s.url, "--oidc", "--no-browser", "--store", "file"}, more...)...)
}

// silent is the standard input of somebody who types nothing.
func silent(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r
}

// browseMeeting is browse with something that happens once the browser is on
// its way back to us.
func browseMeeting(t testing.TB, page string, happens func()) (status int, at, body string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, page, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the provider, then the server's own redirect
		resp, _ := ask(t, r)
		to, err := resp.Location()
		if err != nil {
			t.Fatal(err)
		}
		r.URL, r.Host = to, to.Host
	}
	happens()
	return browse(t, r.URL.String())
}
