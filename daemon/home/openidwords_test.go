package home

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
)

// Nobody is sent to a provider when the server's sign-in limit leaves no room for the
// way back.
func TestOpenIDLooksAtTheBudgetFirst(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	base, err := url.Parse(absAddress)
	if err != nil {
		t.Fatal(err)
	}
	b := p.budget(base)
	for b.Room(time.Now(), firstCost) {
		if _, err := b.Take(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	err = p.SignInOpenID(t.Context(), control.OpenIDRequest{Server: absAddress}, func(s control.OpenIDStep) error {
		t.Errorf("somebody is sent to %s", s.URL)
		return nil
	})
	if told := problem.Of(err); told == nil || told.Code != problem.Unreachable || !strings.Contains(told.Text, "leaves no room") ||
		!strings.Contains(told.Remedy, "nobody was sent") {
		t.Errorf("told %v", err)
	}
}

// A server that cannot complete the sign-in with the provider is not the user's fault.
func TestOpenIDThatTheServerCannotComplete(t *testing.T) {
	for desc, wrong := range map[string]absfake.OpenID{
		"another client secret": {Issuer: realm, ClientID: "abs", ClientSecret: "other", AutoRegister: true},
		"another issuer":        {Issuer: realm + "x", ClientID: "abs", ClientSecret: "sek", AutoRegister: true},
	} {
		t.Run(desc, func(t *testing.T) {
			p := newOpenIDRig(t, absfake.Config{})
			var page string
			err := p.SignInOpenID(t.Context(), control.OpenIDRequest{Server: absAddress}, func(s control.OpenIDStep) error {
				if s.URL == "" || page != "" {
					return nil
				}
				page = s.URL
				to := p.visit(page)
				p.fake.SetOpenID(wrong)
				return p.ReturnOpenID(t.Context(), to)
			})
			told := problem.Of(err)
			if told == nil || told.Code != problem.Unreachable || !strings.Contains(told.Text, "could not complete") ||
				!strings.Contains(told.Remedy, "client secret") || !strings.Contains(told.Remedy, "issuer") {
				t.Errorf("told %v", err)
			}
		})
	}
}

// A provider that is down is said to be, before anybody waits for its page.
func TestOpenIDProviderThatIsDown(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	dial := p.Dial
	p.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if strings.HasPrefix(addr, "provider.test") {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
		return dial(ctx, network, addr)
	}
	stop := errors.New("enough")
	err := p.SignInOpenID(t.Context(), control.OpenIDRequest{Server: absAddress}, func(s control.OpenIDStep) error {
		p.steps = append(p.steps, s)
		return stop
	})
	const want = "the provider provider.test does not answer this machine (the connection was refused)"
	if !errors.Is(err, stop) || !strings.Contains(p.notes(), want) {
		t.Errorf("%v\n%s", err, p.notes())
	}
}

// A person who wants no second session is asked once.
func TestOpenIDWithoutASpare(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	pages := 0
	err := p.SignInOpenID(t.Context(), control.OpenIDRequest{Server: absAddress, NoSpare: true}, func(s control.OpenIDStep) error {
		p.steps = append(p.steps, s)
		if s.URL == "" {
			return nil
		}
		pages++
		return p.ReturnOpenID(t.Context(), p.visit(s.URL))
	})
	if err != nil || pages != 1 || !strings.Contains(p.notes(), "no spare session is kept: you did without it") {
		t.Errorf("%d pages, %v\n%s", pages, err, p.notes())
	}
}
