package home

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// twoServers is a Home that reaches a second server at the port 14000.
func twoServers(t *testing.T) (h *Home, first, second *absfake.Server) {
	t.Helper()
	first = newFake(t, absfake.Config{Users: []absfake.User{{Name: "root", Password: "of no interest", Type: "root"},
		{Name: "demo", Password: "demo"}, {Name: "bob", Password: "bob"}}})
	second = newFake(t, absfake.Config{Seed: 7})
	h = testHome(t, first)
	l, one := second.Listen(), h.Dial
	served := make(chan error, 1)
	go func() { served <- second.Serve(l) }()
	t.Cleanup(func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, absfake.ErrClosed) {
			t.Error(err)
		}
	})
	h.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if strings.HasSuffix(addr, ":14000") {
			return l.DialContext(ctx, network, addr)
		}
		return one(ctx, network, addr)
	}
	return h, first, second
}

func logouts(s *absfake.Server) int {
	return s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" })
}

// A name that is taken is not given to another server or user without a word;
// with it, the old session is ended and its players lose their access.
func TestReplacingAnAccount(t *testing.T) {
	const one, two = "http://127.0.0.1:13378", "http://127.0.0.1:14000"
	for _, c := range []struct {
		desc     string
		server   string
		user     string
		password int // times it may be sent before the refusal
	}{
		{"another server", two, "demo", 0},
		{"another user of the server", one, "bob", 1},
		{"another user by another address", "http://localhost:13378/audiobookshelf", "bob", 1},
	} {
		t.Run(c.desc, func(t *testing.T) {
			h, first, second := twoServers(t)
			req := demoSignIn(one)
			req.Account = "shelf"
			old, err := h.SignIn(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			before, _ := h.Book.Get("shelf")
			sent := func() int { return len(first.Ledger().Logins(c.user)) + len(second.Ledger().Logins(c.user)) }
			already := sent()
			req.Server, req.Username, req.Password = c.server, c.user, redact.New(c.user)
			_, err = h.SignIn(t.Context(), req)
			if p := problem.Of(err); p == nil || p.Code != problem.Usage || !strings.Contains(p.Remedy, "--replace") ||
				!strings.Contains(p.Text, "the account shelf is demo on "+one) {
				t.Errorf("%+v", p)
			}
			if n := sent() - already; n != c.password {
				t.Errorf("the password was sent %d times", n)
			}
			if n := logouts(first) + logouts(second); n != c.password {
				t.Errorf("%d sessions were ended: the one that is not kept has to be", n)
			}
			if now, _ := h.Book.Get("shelf"); now != before {
				t.Errorf("the account is %+v", now)
			}
			if len(h.Grants.List("shelf")) != 1 {
				t.Error("its grant is gone")
			}
			req.Replace = true
			answer, err := h.SignIn(t.Context(), req)
			if err != nil || len(answer.Warnings) != 0 || answer.Grant == "" || answer.Grant == old.Grant {
				t.Fatalf("%+v, %v", answer, err)
			}
			if n := first.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); n != 1+c.password {
				t.Errorf("%d sessions were ended on the old server", n)
			}
			if now, _ := h.Book.Get("shelf"); now.Port != before.Port || !strings.EqualFold(now.Username, c.user) {
				t.Errorf("the account is %+v", now)
			}
		})
	}
}

// One user of one server is one account, by whichever of its addresses.
func TestOneAccountByAnyAddress(t *testing.T) {
	for _, address := range []string{
		"http://127.0.0.1:13378/audiobookshelf", "http://localhost:13378", "http://localhost:13378/audiobookshelf/", "http://[::1]:13378",
		"http://127.0.0.1:13378",
	} {
		h, first, _ := twoServers(t)
		old, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.SignIn(t.Context(), demoSignIn(address))
		if err != nil || again.Account != old.Account || again.ProxyURL != old.ProxyURL || len(h.Book.All()) != 1 || again.Grant != "" {
			t.Errorf("%s: %+v, %v; accounts %+v", address, again, err, h.Book.All())
		}
		if n := logouts(first); n != 1 {
			t.Errorf("%s: %d old sessions were ended", address, n)
		}
		if n := len(h.Grants.List(old.Account)); n != 1 {
			t.Errorf("%s: %d grants", address, n)
		}
		other, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:14000"))
		if err != nil || other.Account == old.Account {
			t.Errorf("another server's user became %+v, %v", other, err)
		}
	}
}

func TestSameServer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"http://abs.invalid:13378", "http://ABS.invalid:13378/", true},
		{"http://abs.invalid", "https://abs.invalid", true},
		{"http://abs.invalid", "http://abs.invalid/audiobookshelf", true},
		{"http://abs.invalid/books", "http://abs.invalid/audiobookshelf", false},
		{"http://abs.invalid:13378", "http://abs.invalid:13379", false},
		{"http://abs.invalid:13378", "https://abs.invalid", true},
		{"http://abs.invalid:13378", "https://other.invalid", false},
		{"http://127.0.0.1:13378", "https://localhost", false},
		{"http://one.invalid", "http://two.invalid", false},
		{"http://127.0.0.1:1", "http://localhost:1", true},
		{"http://0.0.0.0:1", "http://localhost:1", true}, // where some systems reach themselves
		{"http://127.0.0.1:1", "http://[::ffff:127.0.0.9]:1", true},
		{"http://198.51.100.1:1", "http://198.51.100.2:1", false},
		{"http://127.0.0.1:1", "http://198.51.100.2:1", false},
	} {
		a, _ := url.Parse(c.a)
		b, _ := url.Parse(c.b)
		if sameServer(t.Context(), a, b) != c.want || sameServer(t.Context(), b, a) != c.want {
			t.Errorf("%s and %s: want %v", c.a, c.b, c.want)
		}
	}
}

// The budget is the server's and not the address's: a sign-in at this machine's own
// address counts with those at the loopback address, before the server has told
// who it is there.
func TestAddressesOfThisMachineShareABudget(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{LimiterMax: 40})
	p.mustSignIn(control.OpenIDRequest{Server: absAddress}, true)
	loopback, now := &url.URL{Scheme: "http", Host: "127.0.0.1:13378"}, time.Now()
	for p.budget(loopback).Wait(now) == 0 {
		if _, err := p.budget(loopback).Take(now); err != nil {
			t.Fatal(err)
		}
	}
	for addr := range ownAddresses() {
		base := &url.URL{Scheme: "http", Host: netip.AddrPortFrom(addr, 13378).String()}
		if here := p.accountsOn(t.Context(), base); len(here) != 1 {
			t.Errorf("%s: the account is not found there: %v", base, here)
		}
		if p.budget(base).Wait(now) == 0 {
			t.Errorf("%s has a budget of its own", base)
		}
	}
}

// The provider says whose session it is: another user's does not take the place
// of an account, and is ended on the server.
func TestOpenIDInThePlaceOfAnAccount(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	p.mustSignIn(control.OpenIDRequest{Server: absAddress, Account: "shelf"}, true)
	before, _ := p.Book.Get("shelf")
	p.provider.SetUser(oidcprovider.User{Subject: "other", Username: "other"})
	err := p.signIn(control.OpenIDRequest{Server: absAddress, Account: "shelf"}, true)
	if pr := problem.Of(err); pr == nil || pr.Code != problem.Usage || !strings.Contains(pr.Remedy, "--replace") {
		t.Errorf("%+v", pr)
	}
	if now, _ := p.Book.Get("shelf"); now != before || logouts(p.fake) != 1 {
		t.Errorf("%+v, %d sessions were ended", now, logouts(p.fake))
	}
	p.mustSignIn(control.OpenIDRequest{Server: absAddress, Account: "shelf", Replace: true}, true)
	if now, _ := p.Book.Get("shelf"); now.Username != "other" || logouts(p.fake) != 2 {
		t.Errorf("%+v, %d sessions were ended", now, logouts(p.fake))
	}
}
