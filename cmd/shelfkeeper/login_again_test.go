package main

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// Remedies say "run `shelfkeeper login`": that is a whole command for an account
// that is here.
func TestLoginWithoutAnAddress(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	if r := p.run("", "login"); r.code != problem.Usage || !strings.Contains(r.stderr, "login needs the server's address\n") {
		t.Errorf("without an account: %d\n%s", r.code, r.stderr)
	}
	a := signIn(s.url, "--no-store-password")
	p.ok(a.stdin, a.args...)
	before := p.read(p.state("accounts.json"))
	if err := s.EndSessions(user); err != nil {
		t.Fatal(err)
	}
	if r := p.run("", "reauth"); r.code != problem.NeedsUser {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	if r := p.ok(a.stdin, "login", "--password-stdin"); !strings.Contains(r.stdout, "Signed in to "+s.url) {
		t.Error(r.stdout)
	}
	p.ok("", "reauth")
	if after := p.read(p.state("accounts.json")); after != before {
		t.Errorf("the account changed:\n%s\n%s", before, after)
	}
	if r := p.run("", "login", "--account", "nobody"); r.code != problem.Usage ||
		!strings.Contains(r.stderr, `there is no account "nobody" yet`) {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	more := signIn(s.url, "--account", "second")
	p.ok(more.stdin, more.args...)
	if r := p.run("", "login"); r.code != problem.Usage || !strings.Contains(r.stderr, "--account with one of ") ||
		!strings.Contains(r.stderr, "second") {
		t.Errorf("with two accounts: %d\n%s", r.code, r.stderr)
	}
}
