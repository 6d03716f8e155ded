package main

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// The password is changed, with a daemon and without one, on every release,
// and the vault knows it: the session the server then ends comes back by it.
func TestPasswordIsChanged(t *testing.T) {
	t.Parallel()
	for _, release := range absfake.RotatingReleases() {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			s, p := newServer(t, absfake.Config{Release: release}), newPlace(t)
			a := signIn(s.url)
			p.ok(a.stdin, a.args...)
			if r := p.run("wrong\nnext\n", "password", "--passwords-stdin"); r.code != problem.Rejected ||
				!strings.Contains(r.stderr, "present password is not right") {
				t.Errorf("a wrong present password: %d\n%s", r.code, r.stderr)
			}
			p.ok("\nwithout a daemon\n", "password", "--passwords-stdin")
			p.daemon()
			p.ok("without a daemon\nwith one\n", "password", "--passwords-stdin")
			if err := s.EndSessions(user); err != nil {
				t.Fatal(err)
			}
			p.ok("", "reauth")
			logins := s.Ledger().Logins(user)
			if last := logins[len(logins)-1]; !last.OK || len(logins) != 2 {
				t.Errorf("%d sign-ins, the last one accepted: %v", len(logins), last.OK)
			}
		})
	}
}

// A server's root user may have an empty password. It is stored like any other,
// brings a lost session back, and can be changed from and to.
func TestEmptyPassword(t *testing.T) {
	t.Parallel()
	for _, release := range absfake.RotatingReleases() {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			s := newServer(t, absfake.Config{Release: release, Users: []absfake.User{{Name: "root", Type: "root"}}})
			p := newPlace(t)
			p.ok("", "login", s.url, "--username", "root", "--password-stdin", "--store", "file")
			p.daemon()
			back := func(desc string, logins int) {
				t.Helper()
				if err := s.EndSessions("root"); err != nil {
					t.Fatal(err)
				}
				if r := p.run("", "reauth"); r.code != problem.OK {
					t.Fatalf("%s: a lost session does not come back: %s%s", desc, r.stdout, r.stderr)
				}
				if n := s.Ledger().PasswordLogins("root"); n != logins {
					t.Errorf("%s: %d sign-ins, want %d", desc, n, logins)
				}
			}
			back("empty from the sign-in on", 2)
			p.ok("\nsomething\n", "password", "--passwords-stdin")
			back("from empty", 3)
			p.ok("something\n\n", "password", "--passwords-stdin")
			back("to empty", 4)
		})
	}
}

// The server takes an empty password from its root user only, and says so.
func TestEmptyPasswordOfAnotherUser(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	if r := p.run("\n\n", "password", "--passwords-stdin"); r.code != problem.Rejected || !strings.Contains(r.stderr, "root user only") ||
		!strings.Contains(r.stderr, "→ choose a new password that is not empty") {
		t.Errorf("%d\n%s", r.code, r.stderr)
	}
	if r := p.run("", "login", s.url, "--username", user, "--password-stdin"); r.code != problem.Rejected {
		t.Errorf("%d\n%s", r.code, r.stderr)
	}
}

func TestPasswordsThatAreNotText(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	for desc, r := range map[string]result{
		`--username: "al\xffice"`: p.run("x\n", "login", s.url, "--username", "al\xffice", "--password-stdin"),
		"the password":            p.run("\xe9t\xe9\n", "login", s.url, "--username", user, "--password-stdin"),
		"the present password":    p.run("\xe9\nx\n", "password", "--passwords-stdin"),
		"the new password":        p.run("x\n\xe9\n", "password", "--passwords-stdin"),
	} {
		if r.code != problem.Usage || !strings.Contains(r.stderr, desc+" is not valid UTF-8\n") {
			t.Errorf("%s: %d\n%s", desc, r.code, r.stderr)
		}
	}
	if n := len(s.Ledger().Logins("")); n > 1 {
		t.Errorf("%d sign-ins were tried", n)
	}
}

func TestPasswordNeedsTwoLines(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	for _, text := range []string{"", "one", "one\n", "one\ntwo\nthree\n", "one\ntwo\n\n"} {
		if r := p.run(text, "password", "--passwords-stdin"); r.code != problem.Usage ||
			!strings.Contains(r.stderr, "standard input holds ") {
			t.Errorf("%q: %d\n%s", text, r.code, r.stderr)
		}
	}
}
