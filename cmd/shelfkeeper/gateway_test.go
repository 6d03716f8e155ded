package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// newGate is a gateway with a certificate of its own authority that wants a header and
// a password. It returns the file of its authority.
func newGate(t *testing.T, s *server) (gate *httptest.Server, ca string, tokens func() int) {
	t.Helper()
	var mu sync.Mutex
	inAddress := 0
	gate = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		if r.Header.Get("X-Gate") != "hush-header" || user != "ann" || pass != "hush-basic" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mu.Lock()
		if r.URL.Query().Get("token") != "" {
			inAddress++
		}
		mu.Unlock()
		s.Handler().ServeHTTP(w, r)
	}))
	gate.Config.ErrorLog = log.New(io.Discard, "", 0)
	gate.StartTLS()
	t.Cleanup(gate.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	body := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: gate.Certificate().Raw})
	if err := os.WriteFile(ca, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return gate, ca, func() int { mu.Lock(); defer mu.Unlock(); return inAddress }
}

// What a gateway wants comes with the sign-in, is kept in the vault, serves players, and
// is changed and forgotten with account set.
func TestGatewayByCommand(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	gate, ca, tokens := newGate(t, s)
	in := []string{"login", gate.URL, "--username", user, "--password-stdin", "--account", "home", "--store", "file"}
	with := append(in[:len(in):len(in)], "--header", "X-Gate", "--basic", "ann", "--token-in-url", "--ca", ca, "--stdin")
	if r := p.run("hush-header\nwrong\n"+password, with...); r.code != problem.Unreachable {
		t.Errorf("a wrong password for the gateway: exit code %d\n%s", r.code, r.stderr)
	}
	p.ok("hush-header\nhush-basic\n"+password, with...)
	for _, dir := range []string{"vault", "gateways"} {
		for path, body := range p.files(dir) {
			if strings.Contains(body, "hush-") {
				t.Errorf("a secret stands in %s", path)
			}
		}
	}
	shown := p.ok("", "account", "show", "home").stdout
	for _, want := range []string{"X-Gate, for " + gate.URL, "as ann in the header Authorization", "stands in the gateway's log",
		"own authority"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in\n%s", want, shown)
		}
	}
	p.daemon()
	if code := p.ask("/api/me"); code != http.StatusOK {
		t.Errorf("a player's request: %d", code)
	}
	if tokens() == 0 {
		t.Error("no token came in an address")
	}
	p.ok("", "reauth")
	p.ok("hush-other\n", "account", "set", "home", "--header", "X-Gate", "--stdin")
	if code := p.ask("/api/me"); code == http.StatusOK {
		t.Error("the new value is not used")
	}
	p.ok("hush-header\n", "account", "set", "home", "--header", "X-Gate", "--stdin")
	if code := p.ask("/api/me"); code != http.StatusOK {
		t.Errorf("after the right value: %d", code)
	}
	shown = p.ok("", "account", "set", "home", "--remove", "header:X-Gate", "--remove", "basic").stdout
	if strings.Contains(shown, "X-Gate") || strings.Contains(shown, "ann") || !strings.Contains(shown, "own authority") {
		t.Errorf("left after the removal:\n%s", shown)
	}
}

// A certificate that nobody vouches for is shown with its fingerprint, and the remedy as
// it is printed signs in with that one certificate. Another one is refused.
func TestPinAsPrinted(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	gate := httptest.NewUnstartedServer(s.Handler())
	gate.Config.ErrorLog = log.New(io.Discard, "", 0)
	gate.StartTLS()
	defer gate.Close()
	in := []string{"login", gate.URL, "--username", user, "--password-stdin", "--store", "file"}
	r := p.run(password, in...)
	pin := regexp.MustCompile(`--pin ([0-9a-f]{64})`).FindStringSubmatch(r.stderr)
	if r.code != problem.Unreachable || pin == nil {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	if n := s.Ledger().PasswordLogins(user); n != 0 {
		t.Errorf("the password was sent %d times", n)
	}
	wrong := strings.Repeat("ab", 32)
	if r := p.run(password, append(in[:len(in):len(in)], "--pin", wrong)...); r.code != problem.Unreachable ||
		!strings.Contains(r.stderr, "not the pinned one") {
		t.Errorf("another pin: exit code %d\n%s", r.code, r.stderr)
	}
	p.ok(password, append(in[:len(in):len(in)], "--pin", pin[1])...)
	p.ok("", "reauth")
}

// ask returns the status of a player's request.
func (p *place) ask(path string) int {
	p.t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", p.port, path))
	if err != nil {
		p.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestGatewayFlagsThatDoNotFit(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, c := range []struct {
		flags string
		says  string
	}{
		{"--basic ann --stdin", "--token-in-url"},
		{"--header X-Gate=hush --stdin", "--header takes the name alone"},
		{"--gateway nosuch", "not cloudflare-access, pangolin or authelia"},
		{"--gateway authelia", "needs --basic"},
		{"--client-key x", "belongs to --client-cert"},
		{"--client-cert x --client-p12 y", "given twice"},
		{"--token-in-url", "belong to --basic"},
		{"--stdin", "reads the secrets"},
		{"--header X-Gate", "give --stdin"},
		{"--remove nosuch", "--remove knows"},
		{"--ca /nowhere", "there is no file /nowhere"},
		{"--pin abc", "64 hex digits"},
		{"--proxy ftp://x", "http://, https://, socks5://"},
		{"--for nosuch --header X --stdin", "--for takes an address"},
		{"--header Host --stdin", "Host cannot be set"},
	} {
		r := p.run("hush\nhush\n", append([]string{"account", "set", "home"}, strings.Fields(c.flags)...)...)
		if r.code != problem.Usage || !strings.Contains(r.stderr, c.says) || strings.Contains(r.stderr, "hush\n") {
			t.Errorf("%s: exit code %d\n%s", c.flags, r.code, r.stderr)
		}
	}
}
