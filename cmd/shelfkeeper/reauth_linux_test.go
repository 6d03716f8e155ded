package main

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// Another server, or one that was set up anew, answers on plain http: reauth
// sends the password only with the user's word.
func TestReauthAsksWhoseServerItIs(t *testing.T) {
	t.Parallel()
	for _, daemon := range []bool{true, false} {
		s, p := newServer(t, absfake.Config{}), newPlace(t)
		p.login(s)
		if daemon {
			p.daemon()
			p.until("the session is fresh", fresh)
		}
		logins := func(want int, when string) {
			t.Helper()
			if n := len(s.Ledger().Logins(user)); n != want {
				t.Errorf("daemon %v: the password was sent %d times %s", daemon, n, when)
			}
		}
		s.ChangeSecret()
		r := p.run("", "reauth")
		if r.code != problem.NeedsUser || !strings.Contains(r.stderr, "may be another server") ||
			!strings.Contains(r.stderr, "`shelfkeeper reauth --same-server`") {
			t.Errorf("daemon %v: without a terminal: %d\n%s", daemon, r.code, r.stderr)
		}
		logins(1, "without a terminal")
		if daemon {
			if a := p.until("it shows", func(a health.Account) bool { return a.Level == health.NeedsUser }); a.Condition !=
				health.ServerUnrecognised.ID || !strings.Contains(a.Remedy, "--same-server") {
				t.Errorf("shown: %+v", a)
			}
		}
		no, typing := p.atTerminal("reauth")
		no.until(no.stdout, "Is "+s.url+" your server?")
		no.typeIn(typing, "n\n")
		if code := no.wait(); code != problem.NeedsUser {
			t.Errorf("daemon %v: no: %d", daemon, code)
		}
		logins(1, "after a no")
		if daemon {
			yes, typing := p.atTerminal("reauth")
			yes.until(yes.stdout, "your server?")
			yes.typeIn(typing, "y\n")
			if code := yes.wait(); code != problem.OK {
				t.Errorf("daemon %v: yes: %d\n%s", daemon, code, yes.stdout.text())
			}
		} else {
			p.ok("", "reauth", "--same-server")
		}
		logins(2, "with the user's word")
	}
}
