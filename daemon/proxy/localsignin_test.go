package proxy

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
)

// What a player gets for signing in is what the server gives: the same
// members in the same order, with tokens of ours.
func TestSignInLooksLikeTheServers(t *testing.T) {
	for _, release := range []absfake.Release{"2.26.3", "2.36.0"} {
		t.Run(string(release), func(t *testing.T) {
			w := newLocalWorld(t, absfake.Config{Release: release})
			secret := w.grant(players.ScopeListen)
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
				here := w.post(c.path, bodies[0], headers[0]...)
				there := w.direct("POST", c.path, bodies[1], append(headers[1], "Content-Type", "application/json")...)
				if c.header != nil {
					refresh = [2]string{*userIn(t, here).User.RefreshToken, *userIn(t, there).User.RefreshToken}
				}
				if here.StatusCode != there.StatusCode || here.Header.Get("Content-Type") != there.Header.Get("Content-Type") {
					t.Errorf("%s: %s %v, the server %s %v", c.desc, here.Status, here.Header, there.Status, there.Header)
				}
				a, b := shape(t, here.body), shape(t, there.body)
				if x, _ := json.Marshal(a); true {
					if y, _ := json.Marshal(b); string(x) != string(y) {
						t.Errorf("%s:\n%s\nthe server:\n%s", c.desc, x, y)
					}
				}
				if x, y := members(t, here.body), members(t, there.body); !slices.Equal(x, y) {
					t.Errorf("%s: members %v, the server's %v", c.desc, x, y)
				}
			}
		})
	}
}

// members returns the names in a sign-in's answer in their order.
func members(t *testing.T, body string) (names []string) {
	t.Helper()
	o, err := parseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range o {
		names = append(names, m.name)
		if m.name == "user" {
			user, err := parseObject(m.value)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range user {
				names = append(names, "user."+m.name)
			}
		}
	}
	return names
}

// The four things that one grant is: a password, an API key, the user.token
// and the ?token=. The server sees no sign-in at all.
func TestOneGrantServesAllFamilies(t *testing.T) {
	w := newLocalWorld(t, absfake.Config{})
	secret := w.grant(players.ScopeListen)
	before := w.fake.Ledger().Totals()
	in := userIn(t, w.post("/login", `{"username":"whoever","password":"`+secret+`"}`, "x-return-tokens", "true"))
	if in.User.Username != "demo" || in.User.IsOldToken != nil || in.ServerSettings["version"] == nil || in.Source == "" || in.User.RefreshToken == nil {
		t.Errorf("%+v", in)
	}
	for desc, token := range map[string]string{"secret": secret, "access token": in.User.AccessToken, "user.token": in.User.Token} {
		for _, a := range []answer{
			w.do("GET", "/api/me", "Authorization", "Bearer "+token),
			w.do("GET", "/api/me?token="+token),
			w.do("POST", "/api/authorize", "Authorization", "Bearer "+token),
		} {
			w.clean(a)
			if a.StatusCode != 200 || !strings.Contains(a.body, in.User.Token) || strings.Contains(a.body, "isOldToken") {
				t.Errorf("%s: %s %s", desc, a.Status, a.body)
			}
		}
	}
	if a := w.do("GET", "/api/me", "Authorization", "Bearer "+*in.User.RefreshToken); a.StatusCode != 401 {
		t.Errorf("a refresh token as bearer: %s", a.Status)
	}
	// A program of the user sees no token at all.
	if a := w.do("GET", "/api/me"); a.StatusCode != 200 || !strings.Contains(a.body, `"token":""`) {
		t.Errorf("%s %s", a.Status, a.body)
	}
	if after := w.fake.Ledger().Totals(); after.Logins != before.Logins || after.Rotations != before.Rotations {
		t.Errorf("the server saw %+v, before %+v", after, before)
	}
	if err := w.grants.Revoke("home", "listen player"); err != nil {
		t.Fatal(err)
	}
	for desc, token := range map[string]string{"secret": secret, "access token": in.User.AccessToken, "user.token": in.User.Token} {
		if a := w.do("GET", "/api/me?token="+token); a.StatusCode != 401 || a.body != "Unauthorized" {
			t.Errorf("%s of a revoked grant: %s %q", desc, a.Status, a.body)
		}
	}
	if a := w.post("/auth/refresh", "", "x-refresh-token", *in.User.RefreshToken); a.StatusCode != 401 || a.body != `{"error":"Invalid refresh token"}` {
		t.Errorf("refresh with a revoked grant: %s %s", a.Status, a.body)
	}
}

func TestLoginRefusals(t *testing.T) {
	other := func(c *Config) {
		c.PeerOf = func(net.Conn) players.Peer { return players.Peer{UID: 1000, Known: true} }
	}
	for _, c := range []struct {
		desc   string
		body   string
		change func(*Config)
		status int
		text   string
	}{
		{"the user's own password", `{"username":"demo","password":"demo"}`, nil, 200, ""},
		{"as a form", `username=demo&password=demo`, nil, 200, ""},
		{"by another user", `{"username":"demo","password":"demo"}`, other, 401, "Unauthorized"},
		{"where a grant is asked for", `{"username":"demo","password":"demo"}`, func(c *Config) { c.Access = AccessGrant }, 401, "Unauthorized"},
		{"where none is stored", `{"username":"demo","password":"demo"}`, func(c *Config) { c.Account.Knows = nil }, 401, "Unauthorized"},
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
		{"too large", `{"username":"` + strings.Repeat("x", localBodyLimit) + `"}`, nil, 413, ""},
		{"nobody signs in here", `{"username":"demo","password":"demo"}`, func(c *Config) { c.Account = Account{} }, 501, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			change := func(*Config) {}
			if c.change != nil {
				change = c.change
			}
			w := newLocalWorld(t, absfake.Config{}, change)
			before := len(w.fake.Ledger().Entries())
			a := w.post("/login", c.body)
			if a.StatusCode != c.status || c.text != "" && a.body != c.text || a.Header.Get("WWW-Authenticate") != "" {
				t.Errorf("%s %q", a.Status, a.body)
			}
			if n := len(w.fake.Ledger().Entries()) - before; n > 0 && c.status != 200 {
				t.Errorf("the server saw %d requests", n)
			}
			if c.status == 200 {
				u := userIn(t, a)
				if a := w.do("GET", "/api/users/x", "Authorization", "Bearer "+u.User.AccessToken); a.StatusCode != 403 {
					t.Errorf("administration: %s", a.Status)
				}
				if a := w.do("GET", "/api/tags", "Authorization", "Bearer "+u.User.AccessToken); a.StatusCode == 403 || a.StatusCode == 401 {
					t.Errorf("the full scope: %s", a.Status)
				}
			}
		})
	}
}

// Guessing the password is slow; a grant never waits.
func TestLoginBacksOff(t *testing.T) {
	w := newLocalWorld(t, absfake.Config{})
	secret := w.grant(players.ScopeListen)
	for i := range freeTries {
		if a := w.post("/login", `{"username":"demo","password":"guess"}`); a.StatusCode != 401 {
			t.Fatalf("try %d: %s", i, a.Status)
		}
	}
	a := w.post("/login", `{"username":"demo","password":"demo"}`)
	if a.StatusCode != 429 || a.body != `{"error":"Too many authentication requests"}` || a.Header.Get("Retry-After") == "" {
		t.Errorf("%s %v %s", a.Status, a.Header, a.body)
	}
	userIn(t, w.post("/login", `{"username":"demo","password":"`+secret+`"}`))
}
