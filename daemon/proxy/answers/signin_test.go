package answers_test

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/proxytest"
)

// What a player gets for signing in is what the server gives: the same
// members in the same order, with tokens of ours.
func TestSignInLooksLikeTheServers(t *testing.T) {
	for _, release := range []absfake.Release{"2.26.3", "2.36.0"} {
		t.Run(string(release), func(t *testing.T) {
			w := proxytest.NewLocalWorld(t, absfake.Config{Release: release})
			secret := w.NewGrant(players.ScopeListen)
			ours, theirs := `{"username":"anything","password":"`+secret+`"}`, `{"username":"demo","password":"demo"}`
			var refresh [2]string // ours, theirs
			for _, c := range []struct {
				desc, path string
				header     []string
				body       bool
			}{
				{"login, tokens in the body", "/login", []string{"x-return-tokens", "true"}, true},
				{"login, a cookie", "/login", nil, true},
				{"refresh, by header", "/auth/refresh", nil, false},
			} {
				headers, bodies := [2][]string{c.header, c.header}, [2]string{ours, theirs}
				if !c.body {
					headers = [2][]string{{"x-refresh-token", refresh[0]}, {"x-refresh-token", refresh[1]}}
					bodies = [2]string{}
				}
				here := w.Post(c.path, bodies[0], headers[0]...)
				there := w.Direct("POST", c.path, bodies[1], append(headers[1], "Content-Type", "application/json")...)
				if c.header != nil {
					refresh = [2]string{*proxytest.UserIn(t, here).User.RefreshToken, *proxytest.UserIn(t, there).User.RefreshToken}
				}
				if here.StatusCode != there.StatusCode || here.Header.Get("Content-Type") != there.Header.Get("Content-Type") {
					t.Errorf("%s: %s %v, the server %s %v", c.desc, here.Status, here.Header, there.Status, there.Header)
				}
				a, b := shape(t, here.Text), shape(t, there.Text)
				if x, _ := json.Marshal(a); true {
					if y, _ := json.Marshal(b); string(x) != string(y) {
						t.Errorf("%s:\n%s\nthe server:\n%s", c.desc, x, y)
					}
				}
				if x, y := members(t, here.Text), members(t, there.Text); !slices.Equal(x, y) {
					t.Errorf("%s: members %v, the server's %v", c.desc, x, y)
				}
			}
		})
	}
}

// members returns the names in a sign-in's answer in their order.
func members(t *testing.T, body string) (names []string) {
	t.Helper()
	all, values := answers.Members([]byte(body))
	if all == nil {
		t.Fatalf("%s", body)
	}
	for i, name := range all {
		names = append(names, name)
		if name != "user" {
			continue
		}
		user, _ := answers.Members(values[i])
		if user == nil {
			t.Fatalf("%s", values[i])
		}
		for _, name := range user {
			names = append(names, "user."+name)
		}
	}
	return names
}

// The four things that one grant is: a password, an API key, the user.token
// and the ?token=. The server sees no sign-in at all.
func TestOneGrantServesAllFamilies(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{})
	secret := w.NewGrant(players.ScopeListen)
	before := w.Fake.Ledger().Totals()
	in := proxytest.UserIn(t, w.Post("/login", `{"username":"whoever","password":"`+secret+`"}`, "x-return-tokens", "true"))
	if in.User.Username != "demo" || in.User.IsOldToken != nil || in.ServerSettings["version"] == nil || in.Source == "" ||
		in.User.RefreshToken == nil {
		t.Errorf("%+v", in)
	}
	for desc, token := range map[string]string{"secret": secret, "access token": in.User.AccessToken, "user.token": in.User.Token} {
		for _, a := range []proxytest.Answer{
			w.Do("GET", "/api/me", "Authorization", "Bearer "+token),
			w.Do("GET", "/api/me?token="+token),
			w.Do("POST", "/api/authorize", "Authorization", "Bearer "+token),
		} {
			w.Clean(a)
			if a.StatusCode != 200 || !strings.Contains(a.Text, in.User.Token) || strings.Contains(a.Text, "isOldToken") {
				t.Errorf("%s: %s %s", desc, a.Status, a.Text)
			}
		}
	}
	if a := w.Do("GET", "/api/me", "Authorization", "Bearer "+*in.User.RefreshToken); a.StatusCode != 401 {
		t.Errorf("a refresh token as bearer: %s", a.Status)
	}
	// A program of the user sees no token at all.
	if a := w.Do("GET", "/api/me"); a.StatusCode != 200 || !strings.Contains(a.Text, `"token":""`) {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	if after := w.Fake.Ledger().Totals(); after.Logins != before.Logins || after.Rotations != before.Rotations {
		t.Errorf("the server saw %+v, before %+v", after, before)
	}
	if err := w.Store.Revoke("home", "listen player"); err != nil {
		t.Fatal(err)
	}
	for desc, token := range map[string]string{"secret": secret, "access token": in.User.AccessToken, "user.token": in.User.Token} {
		if a := w.Do("GET", "/api/me?token="+token); a.StatusCode != 401 || a.Text != "Unauthorized" {
			t.Errorf("%s of a revoked grant: %s %q", desc, a.Status, a.Text)
		}
	}
	if a := w.Post("/auth/refresh", "", "x-refresh-token", *in.User.RefreshToken); a.StatusCode != 401 ||
		a.Text != `{"error":"Invalid refresh token"}` {
		t.Errorf("refresh with a revoked grant: %s %s", a.Status, a.Text)
	}
}

func TestLoginRefusals(t *testing.T) {
	other := func(c *proxy.Config) {
		c.PeerOf = func(net.Conn) players.Peer { return players.Peer{UID: 1000, Known: true} }
	}
	for _, c := range []struct {
		desc   string
		body   string
		change func(*proxy.Config)
		status int
		text   string
	}{
		{"the user's own password", `{"username":"demo","password":"demo"}`, nil, 200, ""},
		{"as a form", `username=demo&password=demo`, nil, 200, ""},
		{"by another user", `{"username":"demo","password":"demo"}`, other, 401, "Unauthorized"},
		{"where a grant is asked for", `{"username":"demo","password":"demo"}`, func(c *proxy.Config) { c.Access = proxy.AccessGrant },
			401, "Unauthorized"},
		{"where none is stored", `{"username":"demo","password":"demo"}`, func(c *proxy.Config) { c.Account.Knows = nil }, 401, "Unauthorized"},
		{"wrong password", `{"username":"demo","password":"nope"}`, nil, 401, "Unauthorized"},
		{"wrong user", `{"username":"root","password":"demo"}`, nil, 401, "Unauthorized"},
		{"no password", `{"username":"demo"}`, nil, 401, "Unauthorized"},
		{"empty password", `{"username":"demo","password":""}`, nil, 401, "Unauthorized"},
		{"nothing", `{}`, nil, 400, "Bad Request"},
		{"no body", ``, nil, 400, "Bad Request"},
		{"not JSON", `{"username":`, nil, 400, "Bad Request"},
		{"a list", `{"username":["demo"],"password":"demo"}`, nil, 400, "Bad Request"},
		{"two passwords", `username=demo&password=demo&password=x`, nil, 401, "Unauthorized"},
		{"bad escape", `username=%zz`, nil, 400, "Bad Request"},
		{"too large", `{"username":"` + strings.Repeat("x", answers.BodyLimit) + `"}`, nil, 413, ""},
		{"nobody signs in here", `{"username":"demo","password":"demo"}`, func(c *proxy.Config) { c.Account = proxy.Account{} }, 501, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			change := func(*proxy.Config) {}
			if c.change != nil {
				change = c.change
			}
			w := proxytest.NewLocalWorld(t, absfake.Config{}, change)
			before := len(w.Fake.Ledger().Entries())
			a := w.Post("/login", c.body)
			if a.StatusCode != c.status || c.text != "" && a.Text != c.text || a.Header.Get("WWW-Authenticate") != "" {
				t.Errorf("%s %q", a.Status, a.Text)
			}
			if n := len(w.Fake.Ledger().Entries()) - before; n > 0 && c.status != 200 {
				t.Errorf("the server saw %d requests", n)
			}
			if c.status == 200 {
				u := proxytest.UserIn(t, a)
				if a := w.Do("GET", "/api/users/x", "Authorization", "Bearer "+u.User.AccessToken); a.StatusCode != 403 {
					t.Errorf("administration: %s", a.Status)
				}
				if a := w.Do("GET", "/api/tags", "Authorization", "Bearer "+u.User.AccessToken); a.StatusCode == 403 || a.StatusCode == 401 {
					t.Errorf("the full scope: %s", a.Status)
				}
			}
		})
	}
}

// Guessing the password is slow; a grant never waits.
func TestLoginBacksOff(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{})
	secret := w.NewGrant(players.ScopeListen)
	for i := range answers.FreeTries {
		if a := w.Post("/login", `{"username":"demo","password":"guess"}`); a.StatusCode != 401 {
			t.Fatalf("try %d: %s", i, a.Status)
		}
	}
	a := w.Post("/login", `{"username":"demo","password":"demo"}`)
	if a.StatusCode != 429 || a.Text != `{"error":"Too many authentication requests"}` || a.Header.Get("Retry-After") == "" {
		t.Errorf("%s %v %s", a.Status, a.Header, a.Text)
	}
	proxytest.UserIn(t, w.Post("/login", `{"username":"demo","password":"`+secret+`"}`))
}
