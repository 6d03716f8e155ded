package proxy_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// Through an extra address everybody needs a grant, under its own names.
func TestExtraAddress(t *testing.T) {
	addr, ok := ownAddress(t)
	if !ok {
		t.Skip("this machine has no address but loopback")
	}
	w := proxytest.NewLocalWorld(t, absfake.Config{WebClient: true}, func(c *proxy.Config) { c.ExtraHosts = []string{"host.docker.internal"} })
	for _, bad := range []string{"0.0.0.0:1", "[::]:1", "127.0.0.2:1", "224.0.0.1:1", addr.String() + ":0"} {
		if err := w.Server.ListenExtra(netip.MustParseAddrPort(bad), nil); err == nil {
			t.Errorf("%s is served", bad)
		}
	}
	free, err := net.Listen("tcp", net.JoinHostPort(addr.String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(free.Addr().String())
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := proxy.New(w.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Listen("127.0.0.1:0"), s.ListenExtra(at, nil)); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	defer func() {
		if err := errors.Join(s.Close(t.Context()), <-served); err != nil {
			t.Error(err)
		}
	}()
	home, secret, ownPort := s.Addr().String(), w.NewGrant(players.ScopeListen), fmt.Sprint(at.Port())
	ask := func(method, host, path string, header ...string) proxytest.Answer {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+at.String()+path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			r.Host = host
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		a := w.RoundTrip(r)
		w.Clean(a)
		return a
	}
	for _, c := range []struct {
		desc, method, host, path string
		header                   []string
		status                   int
	}{
		{"without a grant, though from our own user", "GET", "", "/api/me", nil, 401},
		{"a public route", "GET", "", "/feed/x", nil, 401},
		{"a page", "GET", "", "/", nil, 401},
		{"with a grant", "GET", "", "/api/me", []string{"Authorization", "Bearer " + secret}, 200},
		{"by name", "GET", "host.docker.internal:" + ownPort, "/api/me?token=" + secret, nil, 200},
		{"by the name of loopback", "GET", "127.0.0.1:" + ownPort, "/api/me?token=" + secret, nil, 421},
		{"by another name", "GET", "evil.example:" + ownPort, "/api/me?token=" + secret, nil, 421},
		{"looking for a server", "GET", "", "/status", nil, 200},
		{"the web page's opener", "GET", "", "/_shelfkeeper/open?nonce=x", nil, 401},
	} {
		if a := ask(c.method, c.host, c.path, c.header...); a.StatusCode != c.status {
			t.Errorf("%s: %s %s", c.desc, a.Status, a.Text)
		}
	}
	login := func(password string) int {
		r, err := http.NewRequest("POST", "http://"+at.String()+"/login", strings.NewReader("username=demo&password="+password))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return w.RoundTrip(r).StatusCode
	}
	if n := login("demo"); n != 401 {
		t.Errorf("the user's own password: %d", n)
	}
	if n := login(secret); n != 200 {
		t.Errorf("a grant: %d", n)
	}
	// At home nothing changes, and the name of containers is none of ours.
	for name, status := range map[string]int{home: 200, "host.docker.internal:" + home[strings.LastIndex(home, ":")+1:]: 421} {
		r, err := http.NewRequest("GET", "http://"+home+"/api/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = name
		if a := w.RoundTrip(r); a.StatusCode != status {
			t.Errorf("at home as %s: %s", name, a.Status)
		}
	}
}

// ownAddress returns an address of this machine in some network.
func ownAddress(t *testing.T) (netip.Addr, bool) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			return p.Addr(), true
		}
	}
	return netip.Addr{}, false
}
