package main

import (
	"fmt"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// An account gets another name, while it is served and while it is not: session,
// grants, port and history stay, and nothing is asked of the server.
func TestRenamedAccount(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	r := p.daemon()
	before := p.until("the session is fresh", fresh)
	p.ok("", "account", "rename", "127-0-0-1-alice", "home")
	named := func(name string) {
		t.Helper()
		p.untilNamed(name, "it is shown", func(a health.Account) bool { return a.Alias == name && a.Proxy.URL == before.Proxy.URL && fresh(a) })
		for _, args := range [][]string{{"players", "list"}, {"history", "--account", name}, {"account", "list"}, {"logs"}} {
			if said := p.ok("", args...); args[0] != "logs" && !strings.Contains(said.stdout, name) {
				t.Errorf("%v: %s", args, said.stdout)
			}
		}
	}
	named("home")
	p.ok("", "reauth", "--account", "home")
	p.ok("", "pause", "home")
	p.ok("", "resume", "127-0-0-1-alice") // the name before goes on
	p.ok("", "players", "add", "x", "--account", "home")
	p.ok("", "quit")
	if code := r.wait(); code != problem.OK {
		t.Errorf("it ended with %d", code)
	}
	p.ok("", "account", "rename", "home", "attic")
	p.config(fmt.Sprintf("listen = %d\npage_port = %d\n[accounts.attic]\nlisten = %d\n", p.port, p.page, p.port))
	p.daemon()
	named("attic")
	if said := p.ok("", "players", "list", "--account", "attic"); !strings.Contains(said.stdout, "x") {
		t.Errorf("the grant is gone: %s", said.stdout)
	}
	if n := len(s.Ledger().Logins(user)); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
	if said := p.run("", "account", "rename", "attic", "Bad Name"); said.code != problem.Usage {
		t.Errorf("a bad name: %+v", said)
	}
	p.ok("", "account", "remove", "attic")
	if said := p.run("", "account", "list"); said.code != problem.NeedsUser {
		t.Errorf("afterwards: %+v", said)
	}
}
