package main

import (
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain/keyringtest"
)

// The keychain is gone for good: what status, login and logout say leads out, and
// what is forgotten and what stays is named.
func TestKeychainGoneForGood(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	for desc, daemon := range map[string]bool{"with a daemon": true, "without one": false} {
		p := keyringPlace(t, k)
		s := newServer(t, absfake.Config{})
		p.keyringLogin(s)
		before := p.env
		p.env = slices.DeleteFunc(slices.Clone(before), func(v string) bool { return strings.HasPrefix(v, "DBUS_") })
		const wayOut = "`shelfkeeper logout --forget`"
		if daemon {
			p.daemon()
			a := p.until("the keychain is missed", func(a health.Account) bool { return a.Condition == "vault-absent" })
			if !strings.Contains(a.Remedy, wayOut) || !strings.Contains(a.Remedy, "`shelfkeeper login URL --store file`") {
				t.Errorf("%s: status says %q", desc, a.Remedy)
			}
		}
		p.env = append(p.env, "SHELFKEEPER_PASSPHRASE="+passphrase) // the daemon was started without it, as at login
		file := []string{"login", s.url, "--username", user, "--password-stdin", "--store", "file"}
		for _, r := range []result{p.run("", "logout"), p.run(password+"\n", file...)} {
			if r.code != problem.Vault || !strings.Contains(r.stderr, wayOut) {
				t.Errorf("%s: %d\n%s", desc, r.code, r.stderr)
			}
		}
		said := p.ok("", "logout", "--forget").stdout
		for _, want := range []string{"The account 127-0-0-1-alice is forgotten here",
			"The server was not told: to end the session there at once, change",
			"Erased in the vault: journal.127-0-0-1-alice.",
			"The desktop's keychain may still hold 127-0-0-1-alice/a and 127-0-0-1-alice/b",
			"the next sign-in can choose another store"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q is not said in\n%s", desc, want, said)
			}
		}
		if r := p.run("", "logout", "--forget"); r.code != problem.NeedsUser || !strings.Contains(r.stderr, "no account yet") {
			t.Errorf("%s, once more: %d\n%s", desc, r.code, r.stderr)
		}
		p.cheap = true
		p.ok(password+"\n", file...)
		p.cheap = false
		p.ok("", "reauth")
		if daemon {
			p.ok("", "quit")
		}

		// Back in the keychain, which answers again: it is cleaned.
		p.env = append(slices.Clone(before), "SHELFKEEPER_PASSPHRASE="+passphrase)
		p.ok("", "logout")
		p.ok(password+"\n", "login", s.url, "--username", user, "--password-stdin", "--store", "os")
		p.ok("", "reauth")
		p.ok("", "logout")
	}
}

// The passphrase is lost: the way out needs none.
func TestPassphraseLost(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	p.env = append(p.env, "SHELFKEEPER_PASSPHRASE=not that one")
	if r := p.run("", "logout"); r.code != problem.Vault || !strings.Contains(r.stderr, "if it is lost, `shelfkeeper logout --forget`") {
		t.Errorf("%d\n%s", r.code, r.stderr)
	}
	if said := p.ok("", "logout", "--forget").stdout; strings.Contains(said, "keychain may") || !strings.Contains(said, "identity.age") {
		t.Errorf("said\n%s", said)
	}
	if left := p.vaultFiles(); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	a := signIn(s.url)
	p.ok(a.stdin, a.args...) // the other passphrase is the new one
	p.ok("", "reauth")
}

// One of two accounts is forgotten; the other goes on, and its daemon too.
func TestForgetOneOfTwo(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	a := signIn(s.url, "--account", "second", "--username", "root")
	p.ok("of no interest\n", a.args...)
	p.daemon()
	if r := p.run("", "logout", "--forget"); r.code != problem.Usage || !strings.Contains(r.stderr, "there are 2 accounts") {
		t.Errorf("%d\n%s", r.code, r.stderr)
	}
	if said := p.ok("", "logout", "--forget", "--account", "second").stdout; strings.Contains(said, "another store") {
		t.Errorf("said\n%s", said)
	}
	stillSignedIn(t, p, s, 0)
	p.ok("", "reauth")
}
