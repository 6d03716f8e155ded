package main

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// The password was changed on the server: the stored one is sent once, the
// user is asked, and the new one is enough to go on, without a restart.
func TestPasswordChangedUnderTheDaemon(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	p.daemon()
	p.until("the session is fresh", fresh)
	const changed = "eight green herons"
	p.secrets = append(p.secrets, changed)
	if err := s.SetPassword(user, changed); err != nil {
		t.Fatal(err)
	}
	if r := p.run("", "reauth"); r.code != problem.NeedsUser ||
		!strings.Contains(r.stderr, "  → run `shelfkeeper login` with the new password\n") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	a := p.until("the user is needed", func(a health.Account) bool { return a.Level == health.NeedsUser })
	if a.Condition != "password-refused" || a.Remedy == "" {
		t.Errorf("shown: %+v", a)
	}
	if tries := s.Ledger().Logins(user); len(tries) != 2 || tries[1].OK {
		t.Errorf("the server counted %+v", tries)
	}
	p.ok(changed, "login", s.url, "-u", user, "--password-stdin")
	a = p.until("all is well again", fresh)
	if resp, body := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != http.StatusOK {
		t.Errorf("a player got %s: %s", resp.Status, body)
	}
}

// What a daemon finds in a vault that it cannot open is left as it is, and
// both the user and players are told.
func TestVaultThatTheDaemonCannotOpen(t *testing.T) {
	for _, c := range []struct {
		desc, reason, remedy string
		spoil                func(*place)
	}{
		{"newer", "newer", "start the newer version", func(p *place) {
			p.write(p.state("vault", "vault.json"), "{\"version\": 99}\n")
		}},
		{"torn", "cannot be read", "run `shelfkeeper login` once more", func(p *place) {
			p.write(p.state("vault", "vault.json"), "{\"ver")
		}},
		{"passphrase", "passphrase is wrong", "", func(p *place) { p.env = append(p.env, "SHELFKEEPER_PASSPHRASE=not that one") }},
	} {
		t.Run(c.desc, func(t *testing.T) {
			t.Parallel()
			s, p := newServer(t, absfake.Config{}), newPlace(t)
			p.login(s)
			c.spoil(p)
			before := p.files("vault")
			p.daemon()
			a := p.until("it shows", func(a health.Account) bool { return strings.Contains(a.Reason, c.reason) })
			if a.Level != health.NeedsUser || !strings.Contains(a.Remedy, c.remedy) || a.Vault.Condition != a.Condition {
				t.Errorf("shown: %+v", a)
			}
			resp, body := get(t, a.Proxy.URL+"/api/me")
			if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), a.Remedy) {
				t.Errorf("a player got %s: %s", resp.Status, body)
			}
			if r := p.run("", "reauth"); r.code != problem.Vault || !strings.Contains(r.stderr, "  → ") {
				t.Errorf("reauth: exit code %d\n%s", r.code, r.stderr)
			}
			if now := p.files("vault"); !maps.Equal(now, before) {
				t.Errorf("the vault holds %q, not %q", now, before)
			}
			if n := len(s.Ledger().Logins(user)); n != 1 {
				t.Errorf("the password was sent %d times", n)
			}
		})
	}
}

// A temporary failure: players are told to come again, the user need do nothing, and
// nothing is lost.
func TestServerGoneAndBack(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	p.daemon()
	a := p.until("the session is fresh", fresh)
	back := s.Inject(absfake.Fault{Kind: absfake.Refuse})
	if r := p.run("", "reauth"); r.code != problem.Unreachable {
		t.Errorf("reauth: exit code %d\n%s", r.code, r.stderr)
	}
	resp, body := get(t, a.Proxy.URL+"/api/me")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a player got %s: %s", resp.Status, body)
	}
	back()
	p.ok("", "reauth")
	stillSignedIn(t, p, s, a.Session.Generation)
	if n := len(s.Ledger().Logins(user)); n != 1 {
		t.Errorf("the password was sent %d times", n)
	}
}
