package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain/keyringtest"
)

// keyringPlace is a home whose sessions go into a real gnome-keyring.
func keyringPlace(t *testing.T, k *keyringtest.Keyring) *place {
	p := barePlace(t, nil)
	for _, e := range k.Env() {
		if name, _, _ := strings.Cut(e, "="); name == "DBUS_SESSION_BUS_ADDRESS" || name == "DISPLAY" {
			p.env = append(p.env, e)
		}
	}
	p.secrets = append(p.secrets, password, keyringtest.Password)
	return p
}

func (p *place) keyringLogin(s *server) {
	p.t.Helper()
	p.ok(password+"\n", "login", s.url, "--username", user, "--password-stdin")
}

// The main job on a real keychain: killed in the middle of a rotation, locked
// under the running daemon, signed out.
func TestKeyring(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	p := keyringPlace(t, k)
	s := newServer(t, absfake.Config{AccessTTL: 3 * time.Second})
	p.keyringLogin(s)
	p.wanted()
	letGo := s.Inject(absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh", Bytes: 100})
	d := p.daemonBegins()
	s.until("the rotation is under way", func(l *absfake.Ledger) bool { return len(l.AllRotations()) > 0 })
	d.kill()
	letGo()

	d = p.daemon()
	a := stillSignedIn(t, p, s, 1)
	if a.Vault.Backend != "os" {
		t.Errorf("kept in %+v", a.Vault)
	}
	p.until("the keychain has it", settled)

	// The journal's key is in memory: what the keychain does now costs nothing.
	k.Lock()
	locked := p.until("two rotations under a locked keychain", func(b health.Account) bool {
		return fresh(b) && b.Session.Generation >= a.Session.Generation+2
	})
	stillSignedIn(t, p, s, locked.Session.Generation-1)
	if locked.Level == health.Offline || locked.Level == health.NeedsUser {
		t.Errorf("shown: %+v", locked)
	}
	d.kill()
	k.Restart()
	p.daemon()
	stillSignedIn(t, p, s, locked.Session.Generation)
	if n := len(s.Ledger().Logins(user)); n != 1 {
		t.Errorf("the password was sent %d times", n)
	}
	p.ok("", "logout")
	p.ok("", "quit")
	if r := p.run("", "reauth"); r.code != problem.NeedsUser {
		t.Errorf("reauth after a sign-out: exit code %d\n%s", r.code, r.stderr)
	}
}

// A daemon that starts before the keychain is unlocked says so, to players
// too, raises no prompt by itself, and goes on without a restart.
func TestLockedKeyring(t *testing.T) {
	keyringtest.Need(t, "xdotool")
	k := keyringtest.Start(t, keyringtest.Options{Prompts: true})
	p := keyringPlace(t, k)
	s := newServer(t, absfake.Config{AccessTTL: 3 * time.Second})
	p.keyringLogin(s)
	p.wanted()
	k.RestartLocked()

	p.daemon()
	a := p.until("the lock is noticed", func(a health.Account) bool { return a.Condition == "vault-locked" })
	if a.Level != health.NeedsUser || a.Vault.Condition != "vault-locked" || a.Vault.Backend != "os" {
		t.Errorf("shown: %+v", a)
	}
	resp, body := get(t, a.Proxy.URL+"/api/me")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" ||
		!strings.Contains(string(body), "the keychain is locked") ||
		!strings.Contains(string(body), "unlock it, or run `shelfkeeper reauth` to be asked") {
		t.Errorf("a player got %s %v: %s", resp.Status, resp.Header, body)
	}
	if r := p.run("", "status"); r.code != problem.NeedsUser || !strings.Contains(r.stdout, "needs-user") ||
		!strings.Contains(r.stdout, "vault     os, vault-locked") ||
		!strings.Contains(r.stdout, "  remedy    unlock it, or run `shelfkeeper reauth` to be asked\n") {
		t.Errorf("status:\n%s", r.stdout)
	}
	if k.Prompting() {
		t.Error("a prompt that nobody asked for")
	}

	reauth := p.start("reauth")
	waitPrompt(k, reauth)
	k.Answer(keyringtest.Password)
	if code := reauth.wait(); code != problem.OK {
		t.Fatalf("reauth: exit code %d", code)
	}
	stillSignedIn(t, p, s, 1)
	p.until("the keychain has it", settled)
	if n := len(s.Ledger().Logins(user)); n != 1 {
		t.Errorf("the password was sent %d times", n)
	}
}

// Without a daemon the command asks by itself, and a dismissed prompt is an
// answer.
func TestLockedKeyringWithoutADaemon(t *testing.T) {
	keyringtest.Need(t, "xdotool")
	k := keyringtest.Start(t, keyringtest.Options{Prompts: true})
	p := keyringPlace(t, k)
	s := newServer(t, absfake.Config{})
	p.keyringLogin(s)
	k.RestartLocked()
	for _, c := range []struct {
		text string
		want problem.Code
	}{{"\x1b", problem.Vault}, {keyringtest.Password, problem.OK}} {
		reauth := p.start("reauth")
		waitPrompt(k, reauth)
		k.Answer(c.text)
		if code := reauth.wait(); code != c.want {
			t.Errorf("exit code %d, not %d\n%s", code, c.want, reauth.stderr.text())
		}
	}
}

func waitPrompt(k *keyringtest.Keyring, asking *process) {
	t := asking.place.t
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !k.Prompting(); {
		select {
		case <-tick.C:
		case <-asking.ended:
			t.Fatalf("ended without a prompt:\n%s", asking.stderr.text())
		case <-deadline:
			t.Fatal("no prompt is raised")
		}
	}
}
