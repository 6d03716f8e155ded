package proxy_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// What programs in a webview send, and what they get.
func TestForeignPages(t *testing.T) {
	const friend, strange = "tauri://localhost", "http://evil.example"
	w := proxytest.NewLocalWorld(t, absfake.Config{}, func(c *proxy.Config) {
		c.TrustedOrigins = []string{friend, "http://tauri.localhost"}
	})
	secret := w.NewGrant(players.ScopeListen)
	revoked := w.NewGrant(players.ScopeFull)
	if err := w.Store.Revoke("home", "full player"); err != nil {
		t.Fatal(err)
	}
	in := proxytest.UserIn(t, w.Post("/login", `{"username":"x","password":"`+secret+`"}`, "x-return-tokens", "true"))
	item := w.Fake.Library().Tracks()
	cover := "/api/items/" + item.ID + "/cover"
	cross := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}
	with := func(more ...string) []string { return append(append([]string(nil), cross...), more...) }
	for _, c := range []struct {
		desc, method, path string
		header             []string
		body               string
		status             int
		share, corp        string // Access-Control-Allow-Origin; Cross-Origin-Resource-Policy, "" for same-origin
	}{
		// (a) It presents a living grant or a local token.
		{"bearer", "GET", "/api/me", []string{"Origin", strange, "Authorization", "Bearer " + secret}, "", 200, strange, "cross-origin"},
		{"no origin, as audiobookshelf-htpc", "GET", "/api/me", with("Authorization", "Bearer "+secret), "", 200, "", "cross-origin"},
		{"null origin, as tauri-plugin-http", "GET", "/api/me", []string{"Origin", "null", "Authorization", "Bearer " + secret}, "", 200,
			"null", "cross-origin"},
		{"in the address", "GET", "/api/me?token=" + secret, with("Origin", strange), "", 200, strange, "cross-origin"},
		{"a local token", "GET", "/api/me?token=" + in.User.AccessToken, with("Origin", strange), "", 200, strange, "cross-origin"},
		{"an image", "GET", cover + "?token=" + secret, with(), "", 200, "", "cross-origin"},
		{"a foreign referer only", "GET", cover + "?token=" + secret, []string{"Referer", strange + "/"}, "", 200, "", "cross-origin"},
		{"sign-in with a secret", "POST", "/login", []string{"Origin", strange}, `{"username":"x","password":"` + secret + `"}`, 200,
			strange, "cross-origin"},
		{"refresh", "POST", "/auth/refresh", []string{"Origin", strange, "x-refresh-token", *in.User.RefreshToken}, "", 200, strange,
			"cross-origin"},
		{"its scope holds", "DELETE", "/api/items/" + item.ID, []string{"Origin", strange, "Authorization", "Bearer " + secret}, "", 403,
			strange, "cross-origin"},
		// (b) The user trusts its origin.
		{"trusted", "GET", "/api/me", with("Origin", friend), "", 200, friend, "cross-origin"},
		{"trusted, whatever its case", "GET", "/api/me", with("Origin", "Tauri://localhost"), "", 200, "Tauri://localhost", "cross-origin"},
		{"trusted image", "GET", cover, with("Referer", "http://tauri.localhost/"), "", 200, "", "cross-origin"},
		{"trusted, a wrong grant", "GET", "/api/me", with("Origin", friend, "Authorization", "Bearer sk_wrong"), "", 401, friend, "cross-origin"},
		{"trusted, beyond what a local program may", "GET", "/api/users", with("Origin", friend), "", 403, friend, "cross-origin"},
		// (c) All others get nothing.
		{"strange", "GET", "/api/me", with("Origin", strange), "", 403, "", ""},
		{"no origin at all", "GET", cover, with(), "", 403, "", ""},
		{"null is nobody", "GET", "/api/me", with("Origin", "null"), "", 403, "", ""},
		{"a referer counts for reading only", "POST", "/api/authorize", with("Referer", "http://tauri.localhost/"), "", 403, "", ""},
		{"an origin beats the referer", "GET", cover, with("Origin", strange, "Referer", "http://tauri.localhost/"), "", 403, "", ""},
		{"another port of a trusted host", "GET", "/api/me", with("Origin", "http://tauri.localhost:1"), "", 403, "", ""},
		{"a longer name", "GET", "/api/me", with("Origin", "http://tauri.localhost.evil.example"), "", 403, "", ""},
		{"a trusted name before an @", "GET", cover, with("Referer", "http://tauri.localhost@evil.example/"), "", 403, "", ""},
		{"a real token", "GET", "/api/me", with("Origin", strange, "Authorization", "Bearer "+w.Session.All()[1].Reveal()), "", 401, "", ""},
		{"revoked", "GET", "/api/me", with("Origin", strange, "Authorization", "Bearer "+revoked), "", 401, "", ""},
		{"the typed password", "POST", "/login", []string{"Origin", strange}, `{"username":"demo","password":"demo"}`, 401, "", ""},
		{"refresh without a token", "POST", "/auth/refresh", []string{"Origin", strange}, "", 403, "", ""},
		{"refresh with an access token", "POST", "/auth/refresh", []string{"Origin", strange, "x-refresh-token", in.User.AccessToken}, "",
			401, "", ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			header := append([]string{"Content-Type", "application/json"}, c.header...)
			a := w.Send(c.method, c.path, strings.NewReader(c.body), header...)
			w.Clean(a)
			if c.corp == "" {
				c.corp = "same-origin"
			}
			h := a.Header
			if a.StatusCode != c.status || h.Get("Access-Control-Allow-Origin") != c.share || h.Get("Cross-Origin-Resource-Policy") != c.corp {
				t.Errorf("%s %v", a.Status, h)
			}
			if h["Access-Control-Allow-Credentials"] != nil || c.share != "" && !strings.Contains(h.Get("Vary"), "Origin") {
				t.Errorf("%v", h)
			}
		})
	}
}

// A page of a trusted origin may ask before it sends; no other page may.
func TestPreflight(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"),
		func(c *proxy.Config) { c.TrustedOrigins = []string{"app://obsidian.md"} })
	ask := []string{
		"Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization,content-type",
		"Access-Control-Request-Private-Network", "true",
	}
	a := w.Do("OPTIONS", "/api/me/progress/1", append([]string{"Origin", "app://obsidian.md"}, ask...)...)
	h := a.Header
	if a.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "app://obsidian.md" ||
		h.Get("Access-Control-Allow-Headers") != "authorization,content-type" ||
		!strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH") ||
		h.Get("Access-Control-Allow-Private-Network") != "true" || h["Access-Control-Allow-Credentials"] != nil {
		t.Errorf("%s %v", a.Status, h)
	}
	for _, origin := range []string{"http://evil.example", "null", "app://obsidian.md.evil.example"} {
		a := w.Do("OPTIONS", "/api/me/progress/1", append([]string{"Origin", origin}, ask...)...)
		if a.StatusCode != 403 || a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %s %v", origin, a.Status, a.Header)
		}
	}
	if n := len(w.Requests()); n != 0 {
		t.Errorf("%d reached the server", n)
	}
}

// An origin that is trusted with a grant comes in as that grant, to listen, where the
// system says that it is a program of the user: anybody can write an origin.
func TestOriginOfAGrant(t *testing.T) {
	for _, c := range []struct {
		desc, origin, path string
		peer               players.Peer
		access             proxy.Access
		status             int
	}{
		{"the user's", "app://obsidian.md", "/api/me", players.Peer{UID: 4711, Known: true}, proxy.AccessUser, 200},
		{"the user's, where everybody needs a grant", "app://obsidian.md", "/api/me", players.Peer{UID: 4711, Known: true},
			proxy.AccessGrant, 200},
		{"beyond listening, though the grant may", "app://obsidian.md", "/api/users", players.Peer{UID: 4711, Known: true},
			proxy.AccessUser, 403},
		{"another user's", "app://obsidian.md", "/api/me", players.Peer{UID: 1, Known: true}, proxy.AccessUser, 401},
		{"somebody's", "app://obsidian.md", "/api/me", players.Peer{}, proxy.AccessUser, 401},
		{"another origin", "app://other", "/api/me", players.Peer{UID: 4711, Known: true}, proxy.AccessUser, 403},
	} {
		w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"), func(cfg *proxy.Config) {
			cfg.PeerOf, cfg.Access = func(net.Conn) players.Peer { return c.peer }, c.access
			cfg.OriginGrant = func(origin string) (players.Caller, bool) {
				return players.Caller{Grant: proxytest.Grant, Scope: players.ScopeAdmin}, origin == "app://obsidian.md"
			}
		})
		if a := w.Do("GET", c.path, "Origin", c.origin); a.StatusCode != c.status {
			t.Errorf("%s: %s %s", c.desc, a.Status, a.Text)
		}
		w.Grants.Revoke(proxytest.Grant)
		if a := w.Do("GET", "/api/me", "Origin", c.origin); c.status == 200 && a.StatusCode == 200 {
			t.Errorf("%s, revoked: %s", c.desc, a.Status)
		}
	}
}

// Wrong grants of foreign pages are answered late; a good one is not.
func TestWrongGrantsOfPagesAreSlowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := proxytest.NewStage(t, proxytest.Says(200, "{}", "Content-Type", "application/json"))
		for range 12 {
			if rec, _ := g.Play("GET", "/api/me?token=sk_guess", "Origin", "http://evil.example"); rec.Code != 401 {
				t.Errorf("%d", rec.Code)
			}
		}
		if g.Took() < 10*time.Second {
			t.Errorf("twelve guesses in %v", g.Took())
		}
		before := g.Took()
		if rec, _ := g.Play("GET", "/api/me?token="+proxytest.Grant, "Origin", "http://evil.example"); rec.Code != 200 || g.Took() != before {
			t.Errorf("a good one: %d after %v", rec.Code, g.Took()-before)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		turned := make(chan int, 64)
		for range 40 {
			go func() {
				rec, _ := g.Play("GET", "/api/me?token=sk_guess", "Origin", "http://evil.example")
				turned <- rec.Code
			}()
		}
		<-ctx.Done()
		if n := len(turned); n < 20 {
			t.Errorf("only %d are turned away at once", n)
		}
		for range 40 {
			if code := <-turned; code != http.StatusUnauthorized && code != http.StatusTooManyRequests {
				t.Errorf("%d", code)
			}
		}
	})
}
