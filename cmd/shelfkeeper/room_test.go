package main

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// A password that would leave no room for a renewal is refused at the sign-in,
// with ways out that work; so is one that a change would bring.
func TestPasswordsThatAreTooLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1412)
	s := newServer(t, absfake.Config{Users: []absfake.User{{Name: "root", Password: "of no interest", Type: "root"},
		{Name: user, Password: long}}})
	p := newPlace(t)
	login := []string{"login", s.url, "--username", user, "--password-stdin", "--store", "file"}
	if r := p.run(long+"\n", login...); r.code != problem.Vault ||
		!strings.Contains(r.stderr, "the password has 1412") ||
		!strings.Contains(r.stderr, "→ use a shorter password, or sign in with `--no-store-password`") {
		t.Fatalf("%d\n%s", r.code, r.stderr)
	}
	p.ok(long+"\n", append(login, "--no-store-password")...)
	p.daemon()
	p.ok("", "reauth")
	before := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/api/me/password" })
	if r := p.run(long+"\n"+strings.Repeat("y", 1700)+"\n", "password", "--passwords-stdin"); r.code != problem.Usage ||
		!strings.Contains(r.stderr, "the new password has 1700") || !strings.Contains(r.stderr, "→ choose a shorter password") {
		t.Errorf("%d\n%s", r.code, r.stderr)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/api/me/password" }); n != before {
		t.Error("the server was asked to change it")
	}
	p.ok(long+"\nshort\n", "password", "--passwords-stdin")
	p.ok("", "reauth")
}
