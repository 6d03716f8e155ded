package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// Sign in once; from then on players meet no token and no expiry, whatever
// happens to the daemon, until the user signs out.
func TestMainJob(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{AccessTTL: 2 * time.Second}), newPlace(t)
	p.login(s)
	d := p.daemon()
	a := p.until("the session is fresh", fresh)
	if want := fmt.Sprintf("http://127.0.0.1:%d", p.port); a.Proxy.URL != want {
		t.Errorf("players are told %s, not %s", a.Proxy.URL, want)
	}
	watch := p.start("status", "--watch", "--full")
	watch.until(watch.stdout, "renew")

	// Requests go on without a pause while the token changes six times.
	book := s.Library().Tracks()
	for asked := 0; len(s.Ledger().AccessTokensOn("/api/items/")) < 7; asked++ {
		for _, path := range []string{"/api/items/" + book.ID, "/api/items/" + book.ID + "/cover"} {
			if resp, body := get(t, a.Proxy.URL+path); resp.StatusCode != http.StatusOK {
				t.Fatalf("request %d for %s: %s %s", asked, path, resp.Status, body)
			} else if token.Match(body) {
				t.Fatalf("a token in %s", path)
			}
		}
	}
	p.until("the live socket is up", func(a health.Account) bool { return a.Socket.State == "authenticated" })
	statusJSON(t, p, s)

	before := p.until("the session is fresh", fresh).Session
	p.ok("", "reauth")
	if after := p.until("the session is fresh", fresh).Session; after.Generation <= before.Generation || after.PasswordLogins != 0 {
		t.Errorf("reauth made %+v of %+v", after, before)
	}

	d.kill()
	d = p.daemon()
	p.until("the session is fresh again", fresh)
	if resp, body := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != http.StatusOK ||
		!strings.Contains(string(body), `"username":"alice"`) {
		t.Errorf("after kill and restart: %s %s", resp.Status, body)
	}
	if n := s.Ledger().PasswordLogins(user); n != 1 {
		t.Errorf("the password signed in %d times", n)
	}

	if r := p.ok("", "logout"); r.stdout != "Signed out; nothing is left here.\n" {
		t.Errorf("logout said %q", r.stdout)
	}
	signedOut(t, p, s)
	p.ok("", "quit")
	if code := d.wait(); code != problem.OK {
		t.Errorf("the daemon ended with %d", code)
	}
	if code := watch.wait(); code == problem.OK {
		t.Error("status --watch lost its daemon and found that in order")
	}
	if n := strings.Count(watch.stdout.text(), "Shelfkeeper "); n < 6 {
		t.Errorf("status --watch printed %d times", n)
	}
}

// statusJSON looks for every field that scripts are promised.
func statusJSON(t *testing.T, p *place, s *server) {
	t.Helper()
	r := p.ok("", "status", "--json")
	if strings.Count(r.stdout, "\n") != 1 {
		t.Errorf("not one line:\n%s", r.stdout)
	}
	var all map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &all); err != nil {
		t.Fatal(err)
	}
	account, ok := all["accounts"].([]any)[0].(map[string]any)
	if !ok || all["version"] != version {
		t.Fatal(r.stdout)
	}
	at := func(path string) any {
		var v any = account
		for key := range strings.SplitSeq(path, ".") {
			m, _ := v.(map[string]any)
			if v, ok = m[key]; !ok {
				t.Errorf("no %s in\n%s", path, r.stdout)
				return nil
			}
		}
		return v
	}
	for path, want := range map[string]any{
		"name": "127-0-0-1-alice", "server": s.url, "server_version": string(s.Release()), "user": user,
		// Tokens of two seconds work, and somebody should look at them.
		"level": "degraded", "condition": health.OddTokens.ID,
		"session.method": "password", "session.password_logins": 0.0, "session.last_rotation.outcome": "renewed",
		"socket.state": "authenticated", "socket.reconnects": 0.0, "proxy.url": fmt.Sprintf("http://127.0.0.1:%d", p.port),
		"vault.backend": "file", "vault.condition": "ok",
	} {
		if got := at(path); got != want {
			t.Errorf("%s is %v, not %v", path, got, want)
		}
	}
	for _, path := range []string{"session.generation", "session.refreshes", "proxy.requests", "proxy.bytes"} {
		if n, _ := at(path).(float64); n < 3 {
			t.Errorf("%s is %v", path, n)
		}
	}
	if _, ok := at("proxy.active").(float64); !ok {
		t.Error("proxy.active is no number")
	}
	for _, path := range []string{"since", "session.access_expires_at", "session.refresh_expires_at", "session.last_rotation.at",
		"socket.since"} {
		text, _ := at(path).(string)
		if when, err := time.Parse(time.RFC3339, text); err != nil || time.Since(when).Abs() > 40*24*time.Hour {
			t.Errorf("%s is %q, %v", path, text, err)
		}
	}
}

// signedOut looks for what a sign-out must leave behind: nothing but the
// tombstone, which keeps an older copy of the session from coming back.
func signedOut(t *testing.T, p *place, s *server) {
	t.Helper()
	last := s.Ledger().Rotations(user)
	s.until("the server hears of it", func(l *absfake.Ledger) bool {
		return l.Count(func(e absfake.Entry) bool {
			return e.Path == "/logout" && e.Status == http.StatusOK && e.Refresh == last[len(last)-1].To
		}) == 1
	})
	if r := p.run("", "status"); r.code != problem.NeedsUser || !strings.Contains(r.stdout, "no account yet") {
		t.Errorf("status says\n%s", r.stdout)
	}
	if r := p.run("", "reauth"); r.code != problem.NeedsUser {
		t.Errorf("reauth after a sign-out: exit code %d\n%s", r.code, r.stderr)
	}
	for name, left := range map[string]string{"accounts.json": `"accounts": []`, "grants.json": ``} {
		data, err := os.ReadFile(p.state(name))
		if err != nil || !strings.Contains(string(data), left) || strings.Contains(string(data), "127-0-0-1") {
			t.Errorf("%s holds %s, %v", name, data, err)
		}
	}
	var named []string
	err := filepath.WalkDir(p.state(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(d.Name(), "127-0-0-1") && !strings.HasPrefix(d.Name(), "lock.") {
			named = append(named, d.Name())
			var info fs.FileInfo
			if info, err = d.Info(); err == nil && info.Size() > 500 {
				t.Errorf("%s still holds %d bytes", d.Name(), info.Size())
			}
		}
		return err
	})
	if err != nil || len(named) != 0 { // an empty vault is forgotten
		t.Errorf("left of the account: %v, %v", named, err)
	}
}

// What a wrong grant meets is counted where the demo and status show it.
func TestRefusedPlayersAreCounted(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	r := p.login(s)
	_, grant, _ := strings.Cut(r.stdout, "\n  sk_")
	grant, _, _ = strings.Cut(grant, "\n")
	p.daemon()
	a := p.until("the session is fresh", fresh)
	for given, want := range map[string]int{"sk_" + grant: http.StatusOK, "sk_wrong": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.Proxy.URL+"/api/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+given)
		if resp, body := ask(t, req); resp.StatusCode != want {
			t.Errorf("with %s: %s %s", given, resp.Status, body)
		}
	}
	if a := p.until("a 401 is counted", func(a health.Account) bool { return true }); a.Proxy.Unauthorized != 1 || a.Proxy.Requests != 2 {
		t.Errorf("counted %+v", a.Proxy)
	}
}

// A sign-out that the server cannot be told of still leaves nothing here.
func TestLogoutWithoutTheServer(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	s.Inject(absfake.Fault{Kind: absfake.Refuse, Path: "/logout"})
	r := p.run("", "logout")
	if r.code != problem.Unreachable || !strings.Contains(r.stderr, "signed out here, but the server could not be told") ||
		!strings.Contains(r.stderr, "→ nothing is left here") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	if r := p.run("", "reauth"); r.code != problem.NeedsUser || !strings.Contains(r.stderr, "no account yet") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
}
