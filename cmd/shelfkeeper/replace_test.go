package main

import (
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// A script that gives an account's name to another server is refused; with
// --replace the running daemon serves the other one, and the first server has
// no session any more.
func TestLoginInThePlaceOfAnAccount(t *testing.T) {
	t.Parallel()
	s, other, p := newServer(t, absfake.Config{}), newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	const name = "127-0-0-1-alice"
	p.daemon()
	before := p.until("the session is fresh", fresh)
	args := []string{"login", other.url, "--username", user, "--password-stdin", "--account", name}
	if r := p.run(password+"\n", args...); r.code != problem.Usage || len(other.Ledger().Logins(user)) != 0 {
		t.Errorf("exit code %d, the password was sent %d times\n%s", r.code, len(other.Ledger().Logins(user)), r.stderr)
	}
	p.until("the first session is still served", func(a health.Account) bool { return served(a) && a.Server == s.url })
	p.ok(password+"\n", append(args, "--replace")...)
	now := p.until("the other server is served", func(a health.Account) bool { return served(a) && a.Server == other.url })
	if now.Proxy.URL != before.Proxy.URL {
		t.Errorf("served at %s, not at %s", now.Proxy.URL, before.Proxy.URL)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); n != 1 {
		t.Errorf("%d sessions were ended on the first server", n)
	}
}
