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

func TestPasswordNeedsTwoLines(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if r := p.run("one", "password", "--passwords-stdin"); r.code != problem.Usage {
		t.Errorf("%d\n%s", r.code, r.stderr)
	}
}
