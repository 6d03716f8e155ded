package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

func TestDNS(t *testing.T) {
	v4, v6, second := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.2")
	pipe := func(ctx context.Context, _, addr string) (net.Conn, error) {
		switch {
		case strings.HasPrefix(addr, "192.0.2.1"):
			near, far := net.Pipe()
			return near, far.Close()
		case strings.HasPrefix(addr, "[2001:db8::dead"):
			return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
		}
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	for desc, c := range map[string]struct {
		names    names
		verdict  Verdict
		evidence string
	}{
		"one family":             {names{v4}, OK, "IPv4 192.0.2.1 answers; IPv6 none"},
		"a dead one among two":   {names{v4, second}, Note, "IPv4 192.0.2.1 answers, 192.0.2.2 is dead"},
		"the other family dead":  {names{v4, v6}, Note, "IPv6 2001:db8::1 is dead"},
		"no way to IPv6":         {names{v4, netip.MustParseAddr("2001:db8::dead")}, OK, "this machine has no IPv6"},
		"all dead":               {names{second}, OK, "192.0.2.2 is dead"},
		"a name that is not one": {nil, Fault, "no such host"},
	} {
		r := runAt(t, "https://books.example.org", Subject{Resolver: c.names, Dial: pipe})
		if f := r.dns(t.Context()); f.Verdict != c.verdict || !strings.Contains(f.Evidence, c.evidence) {
			t.Errorf("%s: %v", desc, f)
		}
	}
}

// Plain http beside https is looked at without anything of the account's.
func TestRedirect(t *testing.T) {
	for desc, c := range map[string]struct {
		answer   http.HandlerFunc
		verdict  Verdict
		evidence string
	}{
		"it leads to https": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusMovedPermanently)
		}, OK, "leads to https"},
		"it serves":    {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"success":true}`) }, Note, "in clear"},
		"another page": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html>router`) }, OK, "does not lead"},
		"nothing":      {nil, OK, "nothing answers"},
	} {
		ports := map[string]string{}
		if c.answer != nil {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if len(r.Header.Values("Authorization"))+len(r.Header.Values("X-Gate")) > 0 {
					t.Error("a secret over plain http")
				}
				c.answer(w, r)
			}))
			defer s.Close()
			ports["80"] = s.Listener.Addr().String()
		}
		r := runAt(t, "https://books.example.org", Subject{Dial: to(ports)})
		if f := r.redirect(t.Context()); f.Verdict != c.verdict || !strings.Contains(f.Evidence, c.evidence) {
			t.Errorf("%s: %v", desc, f)
		}
	}
}

// The start of a sign-in through OpenID shows where it leads, and whether the server
// knows of https.
func TestOpenID(t *testing.T) {
	provider := httptest.NewServer(http.NotFoundHandler())
	defer provider.Close()
	for desc, c := range map[string]struct {
		status   int
		location string
		id       string // of the finding
		verdict  Verdict
		evidence string
	}{
		"it answers": {302, provider.URL + "/auth?redirect_uri=https%3A%2F%2Fbooks.example.org%2Fauth%2Fopenid%2Fmobile-redirect", "openid", OK,
			"which answers here"},
		"a name of the server's network": {302, "https://authelia:9091/auth?redirect_uri=x", "openid", Fault, "does not answer here"},
		"a folder that was never set": {302, provider.URL + "/auth?redirect_uri=https%3A%2F%2Fb%2Fundefined%2Fauth%2Fopenid", "openid", Note,
			"/undefined/"},
		"programs are not let in": {400, "", "openid", Note, "audiobookshelf://oauth"},
		"its settings are wrong":  {500, "", "openid", Fault, "answered with 500"},
		"the limit is used up":    {429, "", "openid", Unknown, "used up"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if c.location != "" {
				w.Header().Set("Location", c.location)
			}
			w.WriteHeader(c.status)
		}))
		defer s.Close()
		r := runAt(t, "http://books.example.org", Subject{Dial: to(map[string]string{"80": s.Listener.Addr().String(),
			strings.TrimPrefix(provider.URL, "http://127.0.0.1:"): provider.Listener.Addr().String()})})
		r.status.AuthMethods = []string{"local", "openid"}
		if f := r.openid(t.Context()); f.Verdict != c.verdict || !strings.Contains(f.Evidence, c.evidence) || r.spent != 1 {
			t.Errorf("%s: %v, %d requests", desc, f, r.spent)
		}
	}
	r := runAt(t, "https://books.example.org", Subject{})
	if r.openID = "http://books.example.org/auth/openid/mobile-redirect"; r.forwardedProto(t.Context()).Verdict != Fault {
		t.Error("a way back by plain http is no fault")
	}
	if f := r.openid(t.Context()); f.Verdict != "" {
		t.Errorf("a server without OpenID: %v", f)
	}
}

// A gateway that was given a secret must ask for it.
func TestExposure(t *testing.T) {
	asks := true
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asks {
			http.Redirect(w, r, "https://login.example.org/", http.StatusFound)
			return
		}
		fmt.Fprint(w, `{"app":"audiobookshelf"}`)
	}))
	defer s.Close()
	r := runAt(t, s.URL, Subject{})
	r.Bare = r.Up
	if f := r.exposure(t.Context()); f.Verdict != OK {
		t.Errorf("%v", f)
	}
	if asks = false; r.exposure(t.Context()).Verdict != Note {
		t.Error("a gateway that asks for nothing is well")
	}
	for desc, c := range map[string]struct {
		address string
		methods []string
		names   names
		verdict Verdict
	}{
		"at home":                  {"https://books.example.org", []string{"local"}, names{netip.MustParseAddr("192.168.1.2")}, OK},
		"on the internet":          {"https://books.example.org", []string{"local"}, names{netip.MustParseAddr("8.8.8.8")}, Note},
		"OpenID alone":             {"https://books.example.org", []string{"openid"}, names{netip.MustParseAddr("8.8.8.8")}, OK},
		"a password beside OpenID": {"https://books.example.org", []string{"local", "openid"}, names{netip.MustParseAddr("8.8.8.8")}, Note},
		"no name":                  {"https://books.example.org", []string{"local"}, nil, Unknown},
	} {
		r := runAt(t, c.address, Subject{Resolver: c.names})
		r.status.AuthMethods = c.methods
		if f := r.exposure(t.Context()); f.Verdict != c.verdict {
			t.Errorf("%s: %v", desc, f)
		}
	}
}
