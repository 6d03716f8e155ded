package proxy_test

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/proxytest"
)

// Attacks on grants and local tokens, by the ledger of the double: none
// reaches it with our bearer, nor at all.
func TestAttacksOnGrants(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{})
	listen, full := w.NewGrant(players.ScopeListen), w.NewGrant(players.ScopeFull)
	revokedSecret, err := w.Store.Add("home", "revoked", players.ScopeAdmin)
	if err != nil {
		t.Fatal(err)
	}
	revoked := revokedSecret.Reveal()
	in := proxytest.UserIn(t, w.Post("/login", `{"username":"x","password":"`+revoked+`"}`, "x-return-tokens", "true"))
	if err := w.Store.Revoke("home", "revoked"); err != nil {
		t.Fatal(err)
	}
	good := proxytest.UserIn(t, w.Post("/login", `{"username":"x","password":"`+listen+`"}`, "x-return-tokens", "true"))
	real := w.Session.All()[1].Reveal() // the session's own access token
	head, rest, _ := strings.Cut(good.User.AccessToken, ".")
	body, _, _ := strings.Cut(rest, ".")
	none := "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + body + "."
	before := len(w.Fake.Ledger().Entries())
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
		{"the real refresh token", "POST", "/auth/refresh", []string{"x-refresh-token", w.Session.All()[2].Reveal()}, 401},
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
		{"ending a session with the listen scope", "DELETE", "/api/me/sessions/x", bearer(listen), 403},
		{"method override", "POST", "/api/me", append(bearer(listen), "X-HTTP-Method-Override", "DELETE"), 404},
		{"unknown route of the API, listen", "GET", "/api/new-in-2-40", bearer(listen), 404},
		{"writing outside the API", "POST", "/dev/x", bearer(full), 404},
		{"signing everything out", "POST", "/logout?allDevices=1", bearer(full), 200},
		{"an address to open, guessed", "GET", "/_shelfkeeper/open?nonce=", nil, 410},
		{"a page that embeds it", "GET", "/_shelfkeeper/open?nonce=x", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode",
			"navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"a script that asks for it", "GET", "/_shelfkeeper/open?nonce=x", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode",
			"cors", "Sec-Fetch-Dest", "empty"}, 403},
		{"something else of ours", "GET", "/_shelfkeeper/grants", nil, 501},
	} {
		a := w.Do(c.method, c.path, c.header...)
		w.Clean(a)
		if a.StatusCode != c.status || a.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %s %s", c.desc, a.Status, a.Text)
		}
		for _, e := range w.Fake.Ledger().Entries()[before:] {
			t.Fatalf("%s reached the server: %s %s", c.desc, e.Method, e.Path)
		}
	}
	// The same wide open: what the scope allows does go through, so the table
	// above refuses for its own reasons.
	if a := w.Do("GET", "/api/me", bearer(listen)...); a.StatusCode != 200 {
		t.Errorf("%s", a.Status)
	}
	if a := w.Do("GET", "/api/users", bearer(w.NewGrant(players.ScopeAdmin))...); a.StatusCode != 200 {
		t.Errorf("%s", a.Status)
	} else {
		w.Clean(a)
	}
}
