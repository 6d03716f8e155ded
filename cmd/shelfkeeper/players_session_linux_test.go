package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/keychain/keyringtest"
)

// sessionID returns the id in an answer to a play request.
func sessionID(body []byte) string {
	var in struct{ ID string }
	_ = json.Unmarshal(body, &in) // without one there is no id
	return in.ID
}

// signedIn starts a server and a daemon that is signed in to it, and returns
// where players reach it, with a grant for one of them.
func signedIn(t *testing.T, c absfake.Config) (s *server, p *place, url, grant string) {
	t.Helper()
	s, p = newServer(t, c), newPlace(t)
	p.login(s)
	p.daemon()
	url = p.until("the session is fresh", fresh).Proxy.URL
	grant = secretText.FindString(p.ok("", "players", "add", t.Name()).stdout)
	if grant == "" {
		t.Fatal("no grant")
	}
	return s, p, url, grant
}

// A shell script with curl: it signs in with its grant as the password, keeps
// a cookie jar, renews by the cookie, and signs out.
func TestCurlCookieFlow(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "curl")
	s, p, url, grant := signedIn(t, absfake.Config{})
	curl := func(args ...string) (status, body string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		jar := p.home + "/jar"
		cmd := exec.CommandContext(ctx, "curl", append([]string{"-sS", "-c", jar, "-b", jar, "-w", "\n%{http_code}"}, args...)...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr, cmd.Env = &stdout, &stderr, p.env
		if err := cmd.Run(); err != nil {
			t.Fatalf("curl %q: %v\n%s", args, err, stderr.String())
		}
		p.noServerToken(s, stdout.String()+p.read(jar))
		at := strings.LastIndex(stdout.String(), "\n")
		return stdout.String()[at+1:], stdout.String()[:at]
	}
	tokenIn := func(body string) string {
		var in struct {
			User struct{ AccessToken string }
		}
		_ = json.Unmarshal([]byte(body), &in) // an error page has no token
		return in.User.AccessToken
	}
	status, body := curl(url+"/login", "--json", `{"username":"curl","password":"`+grant+`"}`)
	first := tokenIn(body)
	if status != "200" || first == "" {
		t.Fatalf("login: %s %s", status, body)
	}
	if status, body = curl("-H", "Authorization: Bearer "+first, url+"/api/me"); status != "200" ||
		!strings.Contains(body, `"username":"`+user+`"`) {
		t.Errorf("me: %s %s", status, body)
	}
	if status, body = curl("-X", "POST", url+"/auth/refresh"); status != "200" || tokenIn(body) == "" {
		t.Errorf("refresh: %s %s", status, body)
	}
	if status, body = curl("-H", "Authorization: Bearer "+tokenIn(body), url+"/api/me"); status != "200" {
		t.Errorf("me with the second token: %s %s", status, body)
	}
	if status, body = curl("-X", "POST", url+"/logout"); status != "200" || !strings.Contains(body, "redirect_url") {
		t.Errorf("logout: %s %s", status, body)
	}
	if status, body = curl("-X", "POST", url+"/auth/refresh"); status != "401" {
		t.Errorf("refresh after logout: %s %s", status, body)
	}
	// The real session has heard nothing of it.
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); n != 0 {
		t.Errorf("the server got %d logouts", n)
	}
}

// A program that keeps both tokens itself and renews by the header, as Music
// Assistant and Readest do: a temporary failure is 503 to it, never 401.
func TestHeaderRefreshClient(t *testing.T) {
	t.Parallel()
	s, p, url, grant := signedIn(t, absfake.Config{})
	type pair struct{ AccessToken, RefreshToken string }
	var heard []string
	call := func(method, path, body string, header ...string) (int, pair, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, said := ask(t, req)
		heard = append(heard, string(said))
		var in struct{ User pair }
		_ = json.Unmarshal(said, &in) // an error page has no tokens
		return resp.StatusCode, in.User, string(said)
	}
	status, first, said := call("POST", "/login", `{"username":"x","password":"`+grant+`"}`, "x-return-tokens", "true")
	if status != 200 || first.AccessToken == "" || first.RefreshToken == "" {
		t.Fatalf("login: %d %s", status, said)
	}
	if status, _, said = call("POST", "/api/authorize", "", "Authorization", "Bearer "+first.AccessToken); status != 200 {
		t.Errorf("authorize: %d %s", status, said)
	}
	status, second, said := call("POST", "/auth/refresh", "", "x-refresh-token", first.RefreshToken)
	if status != 200 || second.AccessToken == "" || second.RefreshToken == "" {
		t.Fatalf("refresh: %d %s", status, said)
	}
	// In a temporary failure its session lives on.
	back := s.Inject(absfake.Fault{Kind: absfake.Refuse})
	if status, third, said := call("POST", "/auth/refresh", "", "x-refresh-token", second.RefreshToken); status != 200 && status != 503 {
		t.Errorf("refresh in bad weather: %d %s", status, said)
	} else if status == 200 {
		second = third
	}
	back()
	if status, _, said = call("GET", "/api/me", "", "Authorization", "Bearer "+second.AccessToken); status != 200 {
		t.Errorf("me after the weather: %d %s", status, said)
	}
	p.ok("", "players", "revoke", t.Name())
	if status, _, said = call("POST", "/auth/refresh", "", "x-refresh-token", second.RefreshToken); status != 401 {
		t.Errorf("refresh with a revoked grant: %d %s", status, said)
	}
	for _, said := range heard {
		p.noServerToken(s, said)
	}
	if n := len(s.Ledger().Rotations(user)); n > 1 {
		t.Errorf("the session was rotated %d times", n)
	}
}

var wholeToken = regexp.MustCompile(`eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+`)

// noServerToken refuses what opens the server itself.
func (p *place) noServerToken(s *server, said string) {
	p.t.Helper()
	for _, found := range wholeToken.FindAllString(said, -1) {
		for _, ask := range [][]string{{"GET", "/api/me", "Authorization", "Bearer " + found},
			{"POST", "/auth/refresh", "x-refresh-token", found}} {
			rec := httptest.NewRecorder()
			r := httptest.NewRequest(ask[0], ask[1], nil)
			r.Header.Set(ask[2], ask[3])
			s.Handler().ServeHTTP(rec, r)
			if rec.Code != http.StatusUnauthorized {
				p.t.Errorf("a player got a token that opens %s of the server: %d", ask[1], rec.Code)
			}
		}
	}
}
