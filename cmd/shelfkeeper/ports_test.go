package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// untilNamed follows the running daemon until the account of that name is as
// wanted.
func (p *place) untilNamed(name, what string, is func(health.Account) bool) health.Account {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var last health.Account
	err := control.Dial(p.socket()).Events(ctx, func(s health.Snapshot) error {
		for _, a := range s.Accounts {
			if a.Name != name {
				continue
			}
			if last = a; is(a) {
				return errSeen
			}
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), errSeen.Error()) {
		p.t.Fatalf("waiting until %s: %v; last seen: %+v", what, err, last)
	}
	return last
}

func served(a health.Account) bool { return a.Level == health.OK && a.Session.State == "fresh" }

// A port that another program has keeps one account from its players and
// nothing else from anything; it is served as soon as the port is free.
func TestTakenPortConcernsOneAccount(t *testing.T) {
	t.Parallel()
	s, other, p := newServer(t, absfake.Config{}), newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	const name, second = "127-0-0-1-alice", "second"
	p.ok(password+"\n", "login", other.url, "--username", user, "--password-stdin", "--account", second)
	p.ok("", "account", "set", second, "--port", fmt.Sprint(freePort(t)))
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		t.Fatal(err)
	}
	r := p.daemon()
	a := p.untilNamed(name, "it shows", func(a health.Account) bool { return a.Condition == health.ProxyDown.ID })
	if a.Level != health.NeedsUser || !strings.Contains(a.Reason, "is taken by") ||
		!strings.Contains(a.Remedy, "`shelfkeeper account set "+name+" --port 0`") {
		t.Errorf("shown: %+v", a)
	}
	r.until(r.stdout, name+": players cannot reach "+s.url+" yet: ")
	b := p.untilNamed(second, "the other account is served", served)
	if resp, body := get(t, b.Proxy.URL+"/api/me"); resp.StatusCode != 200 {
		t.Errorf("a player of the other account got %s: %s", resp.Status, body)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	a = p.untilNamed(name, "it is served", served)
	if resp, body := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != 200 {
		t.Errorf("a player got %s: %s", resp.Status, body)
	}
}

// A further account whose port is taken gets another one, is served at once, and
// its grant is shown.
func TestFurtherAccountGetsAFreePort(t *testing.T) {
	t.Parallel()
	s, other, p := newServer(t, absfake.Config{}), newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	port := freePort(t)
	p.config(fmt.Sprintf("listen = %d\npage_port = %d\n", port, p.page)) // which the second account would get
	taken(t, port)
	p.daemon()
	r := p.ok(password+"\n", "login", other.url, "--username", user, "--password-stdin", "--account", "second")
	if !strings.Contains(r.stdout, "shown once") || strings.Contains(r.stdout, fmt.Sprint(port)) {
		t.Errorf("said:\n%s", r.stdout)
	}
	a := p.untilNamed("second", "it is served", served)
	if !strings.Contains(r.stdout, a.Proxy.URL+" ") {
		t.Errorf("served at %s; said:\n%s", a.Proxy.URL, r.stdout)
	}
}

func TestAccountSetPort(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprintf("daemon %v", running), func(t *testing.T) {
			t.Parallel()
			s, p := newServer(t, absfake.Config{}), newPlace(t)
			p.login(s)
			if running {
				p.daemon()
				p.until("the session is fresh", fresh)
			}
			for _, want := range []int{freePort(t), 0} {
				r := p.ok("", "account", "set", "127-0-0-1-alice", "--port", fmt.Sprint(want))
				url := fmt.Sprintf("http://127.0.0.1:%d ", want)
				if want == 0 {
					url = "http://127.0.0.1:1"
				}
				if !strings.Contains(r.stdout, "Players reach 127-0-0-1-alice at "+url) {
					t.Errorf("said %q", r.stdout)
				}
				if !running {
					continue
				}
				a := p.until("it is served there", func(a health.Account) bool {
					return served(a) && strings.Contains(r.stdout, a.Proxy.URL+" ")
				})
				if resp, body := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != 200 {
					t.Errorf("a player got %s: %s", resp.Status, body)
				}
			}
			if n := len(s.Ledger().Logins(user)); n != 1 {
				t.Errorf("the password was sent %d times", n)
			}
		})
	}
}

// config.toml may say where an account is served, before its first sign-in and
// after it.
func TestConfiguredPortOfAnAccount(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	first, then := freePort(t), freePort(t)
	give := func(port int) { p.config(fmt.Sprintf("page_port = %d\n[accounts.shelf]\nlisten = %d\n", p.page, port)) }
	give(first)
	r := p.ok(password+"\n", "login", s.url, "--username", user, "--password-stdin", "--store", "file", "--account", "shelf")
	if !strings.Contains(r.stdout, fmt.Sprintf("http://127.0.0.1:%d ", first)) {
		t.Errorf("said:\n%s", r.stdout)
	}
	give(then)
	p.daemon()
	a := p.until("it is served", served)
	if a.Proxy.URL != fmt.Sprintf("http://127.0.0.1:%d", then) {
		t.Errorf("served at %s, not at %d", a.Proxy.URL, then)
	}
	set := p.run("", "account", "set", "shelf", "--port", fmt.Sprint(first))
	if set.code != problem.Config || !strings.Contains(set.stderr, "change `listen` of [accounts.shelf] in ") {
		t.Errorf("exit code %d: %s", set.code, set.stderr)
	}
}
