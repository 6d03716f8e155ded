package proxy

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
)

// Attacks on grants and local tokens, by the ledger of the double: none
// reaches it with our bearer, nor at all.
func TestAttacksOnGrants(t *testing.T) {
	w := newLocalWorld(t, absfake.Config{})
	listen, full := w.grant(players.ScopeListen), w.grant(players.ScopeFull)
	revokedSecret, err := w.grants.Add("home", "revoked", players.ScopeAdmin)
	if err != nil {
		t.Fatal(err)
	}
	revoked := revokedSecret.Reveal()
	in := userIn(t, w.post("/login", `{"username":"x","password":"`+revoked+`"}`, "x-return-tokens", "true"))
	if err := w.grants.Revoke("home", "revoked"); err != nil {
		t.Fatal(err)
	}
	good := userIn(t, w.post("/login", `{"username":"x","password":"`+listen+`"}`, "x-return-tokens", "true"))
	real := w.session.all()[1].Reveal() // the session's own access token
	head, rest, _ := strings.Cut(good.User.AccessToken, ".")
	body, _, _ := strings.Cut(rest, ".")
	none := "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + body + "."
	before := len(w.fake.Ledger().Entries())
	bearer := func(s string) []string { return []string{"Authorization", "Bearer " + s} }
	for _, c := range []struct {
		desc, method, path string
		header             []string
		status             int
	}{
		{"a revoked grant", "GET", "/api/me", bearer(revoked), 401},
		{"its access token", "GET", "/api/me", bearer(in.User.AccessToken), 401},
		{"its user.token, in an address", "GET", "/api/items/x/file/1?token=" + in.User.Token, nil, 401},
		{"its refresh token", "POST", "/auth/refresh", []string{"x-refresh-token", *in.User.RefreshToken}, 401},
		{"its secret as the password", "POST", "/login?username=x&password=" + revoked, nil, 400},
		{"the real access token", "GET", "/api/me", bearer(real), 401},
		{"the real refresh token", "POST", "/auth/refresh", []string{"x-refresh-token", w.session.all()[2].Reveal()}, 401},
		{"a token signed by nobody", "GET", "/api/me", bearer(none), 401},
		{"a token without its signature", "GET", "/api/me", bearer(head + "." + body + "."), 401},
		{"a refresh token as bearer", "GET", "/api/me", bearer(*good.User.RefreshToken), 401},
		{"a refresh token in an address", "GET", "/api/me?token=" + *good.User.RefreshToken, nil, 401},
		{"a grant in a cookie", "GET", "/api/users", []string{"Cookie", "token=" + full}, 403},
		{"a grant beside a token of another", "GET", "/api/me?token=" + good.User.AccessToken, bearer(full), 401},
		{"a grant beside its own token", "GET", "/api/me?token=" + good.User.AccessToken, bearer(listen), 401},
		{"an escaped key", "GET", "/api/me?%74%6f%6ben=x", nil, 401},
		{"the basic scheme", "GET", "/api/me", []string{"Authorization", "Basic " + full}, 401},
		{"users with the full scope", "GET", "/api/users", bearer(full), 403},
		{"API keys with the full scope", "POST", "/api/api-keys", bearer(full), 403},
		{"settings, other case and slash", "PATCH", "/API/Settings/", bearer(full), 403},
		{"backups with the full scope", "GET", "/api/backups", bearer(full), 403},
		{"a public feed with the full scope", "POST", "/api/feeds/item/x/open", bearer(full), 403},
		{"writing with the listen scope", "PATCH", "/api/items/x/media", bearer(listen), 403},
		{"a playlist with the listen scope", "POST", "/api/playlists", bearer(good.User.AccessToken), 403},
		{"sessions with the listen scope", "GET", "/api/me/sessions", bearer(listen), 403},
		{"method override", "POST", "/api/me", append(bearer(listen), "X-HTTP-Method-Override", "DELETE"), 403},
		{"unknown route of the API, listen", "GET", "/api/new-in-2-40", bearer(listen), 403},
		{"outside the API with the admin scope", "GET", "/dev/x", bearer(full), 403},
		{"signing everything out", "POST", "/logout?allDevices=1", bearer(full), 200},
		{"an address to open, guessed", "GET", "/_shelfkeeper/open?nonce=", nil, 410},
		{"a page that embeds it", "GET", "/_shelfkeeper/open?nonce=x", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"a script that asks for it", "GET", "/_shelfkeeper/open?nonce=x", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, 403},
		{"something else of ours", "GET", "/_shelfkeeper/grants", nil, 501},
	} {
		a := w.do(c.method, c.path, c.header...)
		w.clean(a)
		if a.StatusCode != c.status || a.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %s %s", c.desc, a.Status, a.body)
		}
		for _, e := range w.fake.Ledger().Entries()[before:] {
			t.Fatalf("%s reached the server: %s %s", c.desc, e.Method, e.Path)
		}
	}
	// The same wide open: what the scope allows does go through, so the table
	// above refuses for its own reasons.
	if a := w.do("GET", "/api/me", bearer(listen)...); a.StatusCode != 200 {
		t.Errorf("%s", a.Status)
	}
	if a := w.do("GET", "/api/users", bearer(w.grant(players.ScopeAdmin))...); a.StatusCode != 200 {
		t.Errorf("%s", a.Status)
	} else {
		w.clean(a)
	}
}

// An opening is for a browser of the user alone: an address can be read off a
// process list.
func TestOpenOfAnotherUser(t *testing.T) {
	w := newLocalWorld(t, absfake.Config{}, func(c *Config) { c.OwnUID = 1 })
	address, err := w.server.OpenURL(players.ScopeFull)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(address, "http://"+w.addr)
	if a := w.do("GET", path); a.StatusCode != 401 || strings.Contains(a.body, "eyJ") || len(w.grants.List("home")) != 0 {
		t.Errorf("%s %s", a.Status, a.body)
	}
	for range maxOpenings - 1 {
		if _, err := w.server.OpenURL(players.ScopeFull); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.server.OpenURL(players.ScopeFull); err == nil {
		t.Error("openings are not bounded")
	}
}

// FuzzCredential: what is presented twice is one thing or none, and nothing of
// it goes upstream.
func FuzzCredential(f *testing.F) {
	for _, s := range [][2]string{
		{"Bearer x", "token=x"}, {"bearer  x ", "a=b&token=x"}, {"Basic x", "%74oken=x"}, {"", "token=%zz&token="}, {"Bearer", "token=a&token=b"}, {"x", ";token=a"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, header, query string) {
		r := &http.Request{Header: http.Header{}, URL: &url.URL{RawQuery: query}}
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		value, how := credential(r)
		if (how == nothing) != (value == "") && how != conflicting {
			t.Errorf("%q, %v", value, how)
		}
		kept := withoutToken(query)
		if _, again := credential(&http.Request{Header: http.Header{}, URL: &url.URL{RawQuery: kept}}); again != nothing {
			t.Errorf("%q goes upstream with %q", query, kept)
		}
	})
}

// FuzzFields: a sign-in's body is fields or an error.
func FuzzFields(f *testing.F) {
	f.Add("application/json", `{"username":"a","password":"b"}`)
	f.Add("application/json; charset=x", `{"username":["a"],"password":null}`)
	f.Add("application/x-www-form-urlencoded", `username=a&username=b&password=%zz`)
	f.Add("text/plain", `x`)
	f.Fuzz(func(t *testing.T, kind, body string) {
		fields, err := parseFields(kind, []byte(body))
		if err != nil && fields != nil {
			t.Errorf("%v and %v", fields, err)
		}
		if o, err := parseObject([]byte(body)); err == nil {
			again, err := parseObject(o.bytes())
			if err != nil || len(again) != len(o) {
				t.Errorf("%q becomes %q: %v", body, o.bytes(), err)
			}
		}
	})
}
