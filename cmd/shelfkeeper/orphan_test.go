package main

import (
	"os"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// A sign-in that was cut off between the vault and the list of accounts leaves
// an account that is shown, served and can be signed out of.
func TestAccountOfACutOffSignIn(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	if err := os.Remove(p.state("accounts.json")); err != nil {
		t.Fatal(err)
	}
	r := p.daemon()
	p.untilNamed("127-0-0-1-alice", "it is served", func(a health.Account) bool { return served(a) && a.User == user })
	r.until(r.stderr, "an account whose sign-in was cut off is listed again")
	if r := p.ok("", "logout"); !strings.Contains(r.stdout, "nothing is left here") {
		t.Errorf("said %q", r.stdout)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); n != 1 {
		t.Errorf("%d sessions were ended", n)
	}
}

// A sign-out with a torn journal leaves nothing that could be read again later.
func TestLogoutWithATornJournal(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	for name, content := range p.files("vault") {
		if strings.HasPrefix(name, "journal.") {
			p.write(p.state("vault", name), content[:len(content)/2])
		}
	}
	p.ok("", "logout")
	for name := range p.files("vault") {
		if strings.HasPrefix(name, "unreadable.") {
			t.Errorf("%s is left", name)
		}
	}
}
