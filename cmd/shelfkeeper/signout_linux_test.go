package main

import (
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain"
	"shelfkeeper/keychain/keyringtest"
)

// The keychain dies before a sign-out: the user has signed out once and for
// all, and the next daemon removes what was left.
func TestSignOutWithoutAKeychain(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	p := keyringPlace(t, k)
	s := newServer(t, absfake.Config{})
	p.keyringLogin(s)
	d := p.daemon()
	account := p.until("signed in", settled).Name
	k.Kill()
	r := p.run("", "logout")
	if r.code != problem.Vault || !strings.Contains(r.stderr, "you need not sign out again") {
		t.Errorf("logout: exit code %d\n%s", r.code, r.stderr)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); n != 1 {
		t.Errorf("%d logouts at the server", n)
	}
	if out := p.run("", "status").stdout; strings.Contains(out, account) {
		t.Errorf("the account is still there:\n%s", out)
	}
	d.kill()

	k.Restart()
	if !strings.Contains(p.inKeyring(account), password) {
		t.Fatal("nothing was left in the keyring, so nothing is tested")
	}
	p.daemon()
	dir := p.state("vault")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		accounts, err := keychain.PendingSignOuts(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(accounts) == 0 {
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still to be finished: %v", accounts)
		}
	}
	if left := p.inKeyring(account); strings.Contains(left, password) || token.MatchString(left) {
		t.Error("a secret is left in the keyring")
	}
}

// inKeyring is all that the keyring holds of the account.
func (p *place) inKeyring(account string) (all string) {
	p.t.Helper()
	for _, slot := range []string{"/a", "/b"} {
		value, err := keyring.Get("shelfkeeper", account+slot)
		if err != nil && err != keyring.ErrNotFound {
			p.t.Fatal(err)
		}
		all += value
	}
	return all
}
