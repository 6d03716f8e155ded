package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// call sends JSON to the server as its user with that bearer and reads the answer.
func (s *server) call(method, path, bearer string, body, into any) int {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			s.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(sent))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Return-Tokens", "true")
	r.Header.Set("Authorization", "Bearer "+bearer)
	resp, got := ask(s.t, r)
	if into != nil && json.Unmarshal(got, into) != nil {
		s.t.Fatalf("%s %s: %s %s", method, path, resp.Status, got)
	}
	return resp.StatusCode
}

// tokens are what the server gives a user who signs in.
type tokens struct {
	User struct{ ID, Token, AccessToken, RefreshToken string }
}

func (s *server) tokensOf(name, password string) (t tokens) {
	s.t.Helper()
	s.call("POST", "/login", "", map[string]string{"username": name, "password": password}, &t)
	return t
}

// apiKey makes an API key of alice, as the server's admin does. life 0: for ever.
func (s *server) apiKey(active bool, life int) string {
	s.t.Helper()
	root := s.tokensOf("root", "of no interest").User.AccessToken
	var made struct{ APIKey struct{ APIKey string } }
	body := map[string]any{"name": "desk", "userId": s.tokensOf(user, password).User.ID, "isActive": active}
	if life > 0 {
		body["expiresIn"] = life
	}
	s.call("POST", "/api/api-keys", root, body, &made)
	if made.APIKey.APIKey == "" {
		s.t.Fatal("no API key was made")
	}
	return made.APIKey.APIKey
}

func TestLoginWithAToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		desc, method string
		release      absfake.Release
		token        func(*server) string
	}{
		{"API key", "api key", "", func(s *server) string { return s.apiKey(true, 0) }},
		{"API key that ends", "api key", "", func(s *server) string { return s.apiKey(true, 86_400) }},
		{"legacy token", "legacy token", "", func(s *server) string { return s.tokensOf(user, password).User.Token }},
		{"legacy token of 2.25", "legacy token", absfake.R2251, func(s *server) string { return s.tokensOf(user, password).User.Token }},
	} {
		t.Run(c.desc, func(t *testing.T) {
			t.Parallel()
			s, p := newServer(t, absfake.Config{Release: c.release}), newPlace(t)
			given := c.token(s)
			before := len(s.Ledger().Logins(user))
			r := p.ok(given+"\n", "login", s.url, "--api-key-stdin", "--store", "file")
			if !strings.Contains(r.stdout, " as alice;") ||
				strings.Contains(r.stdout, "this token ends") != (c.desc == "API key that ends") {
				t.Errorf("it said:\n%s", r.stdout)
			}
			p.daemon()
			a := p.until("the token is in use", func(a health.Account) bool { return a.Session.State == "static" })
			if a.Session.Method != c.method || a.User != user {
				t.Errorf("%+v", a)
			}
			if resp, body := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != http.StatusOK {
				t.Errorf("%s %s", resp.Status, body)
			}
			if r := p.ok("", "status"); !strings.Contains(r.stdout, "signed in by "+c.method+"\n") {
				t.Errorf("status says:\n%s", r.stdout)
			}
			p.ok("", "reauth")
			if n := len(s.Ledger().Logins(user)); n != before {
				t.Errorf("%d sign-ins were made", n-before)
			}
		})
	}
}

func TestLoginWithATokenThatIsNoUse(t *testing.T) {
	t.Parallel()
	s := newServer(t, absfake.Config{})
	short := s.apiKey(true, 1)
	session := s.tokensOf(user, password).User
	// The key is made at the server's clock, to the second.
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for s.call("GET", "/api/me", short, nil, nil) != http.StatusUnauthorized {
		if <-tick.C; time.Now().After(deadline) {
			t.Fatal("the key does not expire")
		}
	}
	for _, c := range []struct {
		desc, given, says string
		code              problem.Code
	}{
		{"expired", short, "the API key has expired on ", problem.Rejected},
		{"inactive", s.apiKey(false, 0), "the server refuses this API key: it is not active", problem.Rejected},
		{"an access token", session.AccessToken, "this is the access token of a session", problem.Usage},
		{"a refresh token", session.RefreshToken, "this is the refresh token of a session", problem.Usage},
		{"a forged legacy token", session.Token + "x", "the server refuses this token", problem.Rejected},
		{"our own grant", "sk_abcdef", "this is neither an API key nor a token", problem.Usage},
		{"nothing", "", "there is no API key", problem.Usage},
	} {
		p := newPlace(t)
		r := p.run(c.given, "login", s.url, "--token-stdin", "--store", "file")
		if r.code != c.code || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: exit code %d\n%s", c.desc, r.code, r.stderr)
		}
		if _, err := os.Stat(p.state("accounts.json")); err == nil {
			t.Errorf("%s: an account was made of it", c.desc)
		}
	}
}

// A server before 2.26 knows one token, which the stored password brings back.
func TestLoginToAServerBefore226(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{Release: absfake.R2251}), newPlace(t)
	if r := p.login(s); !strings.Contains(r.stdout, "Note: Audiobookshelf 2.25.1 is older than 2.26") {
		t.Errorf("it said:\n%s", r.stdout)
	}
	p.daemon()
	a := p.until("the token is in use", func(a health.Account) bool { return a.Session.State == "static" })
	if resp, body := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != http.StatusOK || a.Session.Method != "legacy token" {
		t.Errorf("%s %s, %+v", resp.Status, body, a.Session)
	}
}

// A user who was renamed on the server is the same one: players keep their
// address and grant.
func TestLoginAfterARename(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	if err := s.Rename(user, "alicia"); err != nil {
		t.Fatal(err)
	}
	r := p.ok(password, "login", s.url, "--username", "alicia", "--password-stdin")
	if !strings.Contains(r.stdout, " as alicia; the account is called 127-0-0-1-alice.") || strings.Contains(r.stdout, "sk_") {
		t.Errorf("it said:\n%s", r.stdout)
	}
	p.daemon()
	if a := p.until("it is served", fresh); a.User != "alicia" || a.Proxy.URL != fmt.Sprintf("http://127.0.0.1:%d", p.port) {
		t.Errorf("%+v", a)
	}
}

// Whoever takes the stored password back must find it gone.
func TestLoginForgetsAnEarlierPassword(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	p.ok(password, "login", s.url, "-u", user, "--password-stdin", "--no-store-password")
	if err := s.EndSessions(user); err != nil {
		t.Fatal(err)
	}
	if r := p.run("", "reauth"); r.code != problem.NeedsUser {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	if n := s.Ledger().PasswordLogins(user); n != 2 {
		t.Errorf("%d sign-ins by password", n)
	}
}

// The server's log and its list of sessions name us.
func TestEveryRequestSaysWhoItIs(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	var mu sync.Mutex
	agents := map[string]bool{}
	front := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		agents[r.UserAgent()] = true
		mu.Unlock()
		s.Handler().ServeHTTP(w, r)
	})
	p.secrets = append(p.secrets, password)
	a := signIn(front.URL)
	p.ok(a.stdin, a.args...)
	p.daemon()
	p.until("its socket was tried", func(a health.Account) bool { return fresh(a) && a.Socket.State != "off" })
	p.ok("", "reauth")
	p.ok("", "logout")
	asked := strings.Join(front.requests(), "\n")
	for _, want := range []string{"GET /status", "POST /login", "GET /ping", "POST /auth/refresh", "POST /logout"} {
		if !strings.Contains(asked, want) {
			t.Errorf("no %s in\n%s", want, asked)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for agent := range agents {
		if !strings.HasPrefix(agent, "Shelfkeeper/"+version+" (") {
			t.Errorf("a request came from %q", agent)
		}
	}
}
