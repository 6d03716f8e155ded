package main

import (
	"encoding/json"

	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

func TestLoginFollowsRedirectsWithStatusOnly(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	old := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.url+r.URL.Path, http.StatusTemporaryRedirect) // keeps a POST a POST
	})
	a := signIn(old.URL)
	r := p.ok(a.stdin, a.args...)
	if asked := old.requests(); !slices.Equal(asked, []string{"GET /status"}) {
		t.Errorf("the address that redirects was asked %q", asked)
	}
	if n := s.Ledger().PasswordLogins(user); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
	for _, want := range []string{"Signed in to " + s.url, "Note: " + old.URL + " points to " + s.url} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not in\n%s", want, r.stdout)
		}
	}
}

// A server that answers /status itself and sends sign-ins elsewhere gets the
// password, since it is what the user named; nobody else does.
func TestLoginNeverFollowsARedirectWithThePassword(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	elsewhere := newRecorder(t, func(w http.ResponseWriter, r *http.Request) { s.Handler().ServeHTTP(w, r) })
	named := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
			return
		}
		s.Handler().ServeHTTP(w, r)
	})
	a := signIn(named.URL)
	if r := p.run(a.stdin, a.args...); r.code != problem.Unreachable {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	if asked := elsewhere.requests(); len(asked) != 0 {
		t.Errorf("it went on to %q", asked)
	}
}

// The public address is reached through a proxy of the configuration, so no
// packet leaves this machine.
func TestLoginRefusesPlainHTTPToAPublicHost(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	way := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host != "93.184.216.34" {
			t.Errorf("asked for %s", r.URL)
		}
		s.Handler().ServeHTTP(w, r)
	})
	p.config("[upstream]\nproxy = \"" + way.URL + "\"\n")
	a := signIn("http://93.184.216.34")
	r := p.run(a.stdin, a.args...)
	if r.code != problem.Usage || !strings.Contains(r.stderr, "93.184.216.34 is a public address") ||
		!strings.Contains(r.stderr, "→ use https, or accept it with --allow-http") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	if asked := way.requests(); slices.ContainsFunc(asked, func(a string) bool { return !strings.HasPrefix(a, "GET ") }) {
		t.Errorf("asked %q", asked)
	}
	p.ok(a.stdin, append(a.args, "--allow-http")...)
	if n := s.Ledger().PasswordLogins(user); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
}

func TestLoginExplainsAMissingRefreshToken(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	// A gateway that lets no x- header through: the server then sets a cookie, which
	// is taken out of its answer as well.
	var cookies atomic.Bool
	gateway := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		for name := range r.Out.Header {
			if strings.HasPrefix(name, "X-") {
				r.Out.Header.Del(name)
			}
		}
	}, ModifyResponse: func(resp *http.Response) error {
		if !cookies.Load() {
			resp.Header.Del("Set-Cookie")
		}
		return nil
	}}
	front := httptest.NewServer(gateway)
	t.Cleanup(front.Close)
	a := signIn(front.URL)
	r := p.run(a.stdin, a.args...)
	if r.code != problem.Unreachable || !strings.Contains(r.stderr, "refresh token") ||
		!strings.Contains(r.stderr, "→ update the server to 2.26 or newer, or let the gateway pass the header x-return-tokens, or the "+
			"server's cookies") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	if _, err := os.Stat(p.state("accounts.json")); err == nil {
		t.Error("an account was made of it")
	}
	// With the cookie all is well, and the person is told of what is missing.
	cookies.Store(true)
	if r := p.ok(a.stdin, a.args...); !strings.Contains(r.stdout, "a gateway removes x-refresh-token") {
		t.Errorf("told:\n%s", r.stdout)
	}
	p.daemon()
	p.ok("", "reauth")
	p.ok("", "reauth")
	if n := s.Ledger().PasswordLogins(user); n != 2 {
		t.Errorf("%d sign-ins", n)
	}
}

// What is secret lies in the vault alone, sealed.
func TestLoginLeavesNoSecretInTheOpen(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	a := signIn(s.url)
	r := p.ok(a.stdin, append(a.args, "--verbose")...)
	if strings.Contains(r.stdout+r.stderr, password) {
		t.Error("the password is printed")
	}
	_, grant, _ := strings.Cut(r.stdout, "sk_")
	grant, _, _ = strings.Cut(grant, "\n")
	files := 0
	err := filepath.WalkDir(p.home, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if path != p.configPath() && info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s can be read by others: %v", path, info.Mode())
		}
		for _, secret := range []string{password, passphrase, grant, "eyJ"} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
		return nil
	})
	if err != nil || files < 5 || grant == "" {
		t.Errorf("%d files, grant %q, %v", files, grant, err)
	}
}

// A password may hold anything; one line ending is not part of it.
func TestPasswordFromStdin(t *testing.T) {
	t.Parallel()
	s := newServer(t, absfake.Config{})
	for _, odd := range []string{" spaces around ", `quote " back\slash`, "日本語 ünï", strings.Repeat("long ", 100) + "."} {
		if err := s.SetPassword(user, odd); err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{"", "\n", "\r\n"} {
			p := newPlace(t)
			p.secrets = append(p.secrets, odd)
			a := signIn(s.url)
			p.ok(odd+end, a.args...)
		}
	}
}

// Without a stored password the session is all there is.
func TestLoginWithoutStoringThePassword(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	a := signIn(s.url, "--no-store-password")
	p.ok(a.stdin, a.args...)
	p.ok("", "reauth")
	if err := s.EndSessions(user); err != nil {
		t.Fatal(err)
	}
	if r := p.run("", "reauth"); r.code != problem.NeedsUser ||
		!strings.Contains(r.stderr, "no password is stored: the session was ended on the server: by `log out everywhere`, by an admin, "+
			"or by a new password\n") || !strings.Contains(r.stderr, "\n  → run `shelfkeeper login`") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	if tries := s.Ledger().Logins(user); len(tries) != 1 {
		t.Errorf("the server counted %+v", tries)
	}
}

// Signing in again keeps the name and port, ends the session before on the
// server, and shows no second grant.
func TestLoginAgain(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	first, err := os.ReadFile(p.state("accounts.json"))
	if err != nil {
		t.Fatal(err)
	}
	if r := p.login(s); strings.Contains(r.stdout, "sk_") {
		t.Errorf("a second grant:\n%s", r.stdout)
	}
	second, err := os.ReadFile(p.state("accounts.json"))
	if err != nil || string(first) != string(second) {
		t.Errorf("%s became %s, %v", first, second, err)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" && e.Status == http.StatusOK }); n != 1 {
		t.Errorf("%d sessions were ended on the server", n)
	}
	p.ok("", "reauth")
}

// Another user in the same account's place is somebody else's session.
func TestLoginAsAnotherUserWhileRunning(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	p.daemon()
	p.secrets = append(p.secrets, "of no interest")
	name := p.until("it is served", fresh).Name
	args := []string{"login", s.url, "--username", "root", "--password-stdin", "--account", name}
	if r := p.run("of no interest", args...); r.code != problem.Usage || !strings.Contains(r.stderr, "add --replace") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	p.ok("of no interest", append(args, "--replace")...)
	a := p.until("it is served again", fresh)
	if a.User != "root" || a.Session.Generation < 2 {
		t.Errorf("%+v", a)
	}
	resp, body := get(t, a.Proxy.URL+"/api/me")
	var me struct{ Username string }
	if err := json.Unmarshal(body, &me); err != nil || resp.StatusCode != http.StatusOK || me.Username != "root" {
		t.Errorf("%s %s, %v", resp.Status, body, err)
	}
}
