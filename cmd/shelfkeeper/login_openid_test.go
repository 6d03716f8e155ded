package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/session/signin"
)

// The browser comes back to a listener of ours and is sent on for the spare:
// one click, all sessions. With and without a daemon.
func TestOIDCByLoopback(t *testing.T) {
	t.Parallel()
	for _, release := range []absfake.Release{absfake.R2263, absfake.R2350, absfake.R2360} {
		for _, running := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, daemon %v", release, running), func(t *testing.T) {
				t.Parallel()
				s, p := newOIDCServer(t, absfake.Config{Release: release}, absfake.OpenID{Redirects: []string{"*"}}), newPlace(t)
				if running {
					p.daemon()
				}
				r := p.loginOIDC(s)
				status, at, body := browse(t, r.page(1))
				if status != http.StatusOK || !strings.HasPrefix(at, "http://127.0.0.1:") ||
					!strings.Contains(body, "<h1>Signed in</h1>") || strings.Contains(body, "without a spare") {
					t.Errorf("the browser ends at %s with %d\n%s", at, status, body)
				}
				if code := r.wait(); code != problem.OK {
					t.Fatalf("exit code %d\n%s", code, r.stderr.text())
				}
				said, spares, note := r.stdout.text(), signin.WantedSpares(string(release), 12*time.Hour), "Note: a spare session is kept too"
				if spares > 1 {
					note = fmt.Sprintf("Note: %d spare sessions are kept too", spares)
				}
				if !strings.Contains(said, "Signed in to "+s.url) || !strings.Contains(said, " as alice;") ||
					!strings.Contains(said, note) {
					t.Errorf("it said:\n%s", said)
				}
				if n := s.openIDLogins(); n != 1+spares {
					t.Errorf("%d sessions", n)
				}
				if n := s.Ledger().PasswordLogins(user); n != 0 {
					t.Errorf("%d sign-ins by password", n)
				}
				if !running {
					p.daemon()
				}
				a := p.until("it is served", fresh)
				if a.Session.Method != "openid" {
					t.Errorf("%+v", a.Session)
				}
				resp, got := get(t, a.Proxy.URL+"/api/me")
				var me struct{ Username string }
				if err := json.Unmarshal(got, &me); err != nil || resp.StatusCode != http.StatusOK || me.Username != user {
					t.Errorf("%s %s, %v", resp.Status, got, err)
				}
				p.ok("", "reauth") // nothing is missing, so no browser is
			})
		}
	}
}

// The first session is ended, and the spare takes its place without anybody.
func TestOIDCSpareTakesOver(t *testing.T) {
	t.Parallel()
	s, p := newOIDCServer(t, absfake.Config{AccessTTL: 4 * time.Second}, absfake.OpenID{Redirects: []string{"*"}}), newPlace(t)
	r := p.loginOIDC(s)
	browse(t, r.page(1))
	r.wait()
	first := s.Ledger().Logins(user)[0].Session
	p.daemon()
	p.wanted()
	a := p.until("it is served", fresh)
	if status := s.call("DELETE", "/api/me/sessions/"+first, s.tokensOf(user, password).User.AccessToken, nil,
		nil); status != http.StatusOK {
		t.Fatalf("end the first session: %d", status)
	}
	p.until("the spare is in use", func(a health.Account) bool {
		return fresh(a) && strings.Contains(a.Session.LastRotation.Outcome, "spare")
	})
	if resp, body := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != http.StatusOK {
		t.Errorf("%s %s", resp.Status, body)
	}
}

func TestOIDCReturnTakesNoOtherAddress(t *testing.T) {
	t.Parallel()
	p := barePlace(t, nil)
	for _, bad := range []string{"http://127.0.0.1/?code=a&state=b", "--help=x", "file:///etc/passwd", ""} {
		if r := p.run("", "openid-return", "--", bad); r.code != problem.Usage {
			t.Errorf("%q: exit code %d\n%s", bad, r.code, r.stderr)
		}
	}
}

// With nobody at standard input and no browser of ours there is nobody who
// could bring a second address.
func TestOIDCWithoutAnybody(t *testing.T) {
	t.Parallel()
	s, p := newOIDCServer(t, absfake.Config{}, absfake.OpenID{}), newPlace(t)
	r := p.loginOIDC(s)
	_, at, _ := browse(t, r.page(1))
	p.ok("", "openid-return", at)
	if code := r.wait(); code != problem.OK || !strings.Contains(r.stdout.text(), "no spare session is kept: you did without it") {
		t.Errorf("exit code %d\n%s%s", code, r.stdout.text(), r.stderr.text())
	}
	// A click later makes up for it, and one after a loss for everything.
	p.daemon()
	p.wanted()
	a := p.until("it is served", fresh)
	for n := range 2 {
		s.SetOpenID(absfake.OpenID{Issuer: s.issuer, ClientID: "abs", ClientSecret: "sek", MatchBy: "username", Redirects: []string{"*"}})
		again := p.startWith(silent(t), "reauth")
		if status, _, body := browse(t, again.page(1)); status != http.StatusOK {
			t.Errorf("%d: %d %s", n, status, body)
		}
		if code := again.wait(); code != problem.OK || !strings.Contains(again.stdout.text(), "a spare session is kept too") ||
			!strings.HasSuffix(again.stdout.text(), "The session is renewed.\n") {
			t.Errorf("%d: exit code %d\n%s%s", n, code, again.stdout.text(), again.stderr.text())
		}
		if n == 0 {
			if err := s.EndSessions(user); err != nil {
				t.Fatal(err)
			}
		}
	}
	if resp, body := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != http.StatusOK {
		t.Errorf("%s %s", resp.Status, body)
	}
	if b := p.until("it is served", fresh); b.Proxy.URL != a.Proxy.URL || b.Session.Generation <= a.Session.Generation {
		t.Errorf("%+v became %+v", a, b)
	}
}

// Each failure of the flow, and what the user is told.
func TestOIDCFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		desc    string
		openid  absfake.OpenID
		before  func(*oidcServer)
		between func(*oidcServer)
		code    problem.Code
		says    string
		remedy  string
		pages   bool // a person gets as far as the provider
	}{
		{desc: "denied", before: func(s *oidcServer) { s.provider.Deny(true) }, pages: true,
			code: problem.Rejected, says: "the provider did not sign anybody in", remedy: "→ try again and allow it there"},
		{desc: "a stranger", before: func(s *oidcServer) { s.provider.SetUser(oidcprovider.User{Subject: "x", Username: "stranger"}) },
			pages: true,
			code:  problem.Rejected, says: "knows nobody of that name", remedy: "→ ask the server's admin to enable you or to link you"},
		{desc: "disabled", before: func(s *oidcServer) { _ = s.SetDisabled(user, true) }, pages: true,
			code: problem.Rejected, says: "`Unauthorized`", remedy: "→ ask the server's admin to enable you"},
		{desc: "no session, twice", pages: true,
			between: func(s *oidcServer) {
				s.Inject(absfake.Fault{Kind: absfake.Answer, Path: "/auth/openid/callback", Status: 400, Body: "No session",
					ContentType: "text/html; charset=utf-8"})
			},
			code: problem.Unreachable, says: "Audiobookshelf has forgotten this sign-in: `No session`",
			remedy: "→ try again; if it stays so, something between here and the server takes the cookie connect.sid away"},
		{desc: "a gateway in the callback", pages: true,
			between: func(s *oidcServer) { s.Inject(absfake.Fault{Kind: absfake.Answer, Path: "/auth/openid/callback"}) },
			code:    problem.Unreachable, says: "502", remedy: "→ start Audiobookshelf, or correct the address"},
		{desc: "no way back", openid: absfake.OpenID{Redirects: []string{}},
			code: problem.Rejected, says: "`Invalid redirect_uri`",
			remedy: "→ ask the server's admin to add audiobookshelf://oauth to the allowed mobile redirect URIs (Settings, " +
				"Authentication, OpenID Connect), or to put a lone * there"},
		{desc: "no OpenID", before: func(s *oidcServer) {
			s.call("PATCH", "/api/auth-settings", s.tokensOf("root", "of no interest").User.AccessToken,
				map[string]any{"authActiveAuthMethods": []string{"local"}}, nil)
		}, code: problem.Rejected, says: "offers no sign-in through OpenID", remedy: "→ sign in with name and password"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			t.Parallel()
			if c.openid.Redirects == nil {
				c.openid.Redirects = []string{"*"}
			}
			s, p := newOIDCServer(t, absfake.Config{}, c.openid), newPlace(t)
			if c.before != nil {
				c.before(s)
			}
			r := p.loginOIDC(s)
			if c.pages {
				first := r.page(1)
				if c.between != nil {
					c.between(s)
				}
				if status, _, body := browse(t, first); status < 400 || !strings.Contains(body, "<h1>Not signed in</h1>") {
					t.Errorf("the browser shows %d\n%s", status, body)
				}
			}
			code, said := r.wait(), r.stderr.text()
			if code != c.code || !strings.Contains(said, c.says) || !strings.Contains(said, c.remedy) {
				t.Errorf("exit code %d\n%s", code, said)
			}
			if _, err := os.Stat(p.state("accounts.json")); err == nil {
				t.Error("an account was made of it")
			}
		})
	}
}

// What passes by itself costs the person nothing: the browser is sent round
// once more.
func TestOIDCGoesRoundOnceMore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		desc   string
		happen func(*oidcServer)
	}{
		{"the server restarts meanwhile", func(s *oidcServer) { s.Restart() }},
		{"the answer of the exchange is lost", func(s *oidcServer) {
			s.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/openid/callback", Times: 1})
		}},
		{"a gateway answers once", func(s *oidcServer) {
			s.Inject(absfake.Fault{Kind: absfake.Answer, Path: "/auth/openid/callback", Times: 1})
		}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			t.Parallel()
			s, p := newOIDCServer(t, absfake.Config{}, absfake.OpenID{Redirects: []string{"*"}}), newPlace(t)
			r := p.loginOIDC(s)
			page := r.page(1)
			// The browser is at the provider when it happens: before, the server
			// would not know where to send it back to.
			status, _, body := browseMeeting(t, page, func() { c.happen(s) })
			if code := r.wait(); code != problem.OK || status != http.StatusOK || !strings.Contains(r.stdout.text(), "Note: once more: ") {
				t.Errorf("exit code %d, %d %s\n%s%s", code, status, body, r.stdout.text(), r.stderr.text())
			}
		})
	}
}
