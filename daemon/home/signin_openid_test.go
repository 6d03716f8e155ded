package home

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain"
)

func TestOpenIDKeepsTwoSessions(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	p.mustSignIn(control.OpenIDRequest{Server: absAddress}, false)
	rec := p.record(name)
	if rec.Refresh.IsEmpty() || rec.Spare.IsEmpty() || rec.Refresh == rec.Spare || rec.Password.IsStored() || rec.Username != "demo" {
		t.Errorf("%+v", rec)
	}
	a, ok := p.Book.Get(name)
	if !ok || a.Method != accounts.OIDC || a.UserID != rec.UserID {
		t.Errorf("%+v", a)
	}
	answers := 0
	for _, s := range p.steps {
		if s.Answer != nil {
			answers++
		}
	}
	if answers != 1 || !strings.Contains(p.notes(), "a spare session is kept too") {
		t.Errorf("%+v", p.steps)
	}
}

// A click renews what is missing and nothing else.
func TestOpenIDRenewal(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	p.mustSignIn(control.OpenIDRequest{Server: absAddress}, true)
	if rec := p.record(name); !rec.Spare.IsEmpty() || !strings.Contains(p.notes(), "no spare session is kept: you did without it") {
		t.Fatalf("%+v\n%s", rec, p.notes())
	}
	renew := control.OpenIDRequest{Account: name, Renew: true}
	before := p.record(name)
	p.mustSignIn(renew, false)
	after := p.record(name)
	if after.Spare.IsEmpty() || after.Lineage != before.Lineage || after.Refresh == before.Refresh || len(p.steps) != 2 ||
		!p.steps[0].Spare {
		t.Errorf("the spare: %+v, %+v", after, p.steps)
	}
	p.mustSignIn(renew, false)
	if len(p.steps) != 0 {
		t.Errorf("nothing was missing, and yet %+v", p.steps)
	}
	// All is lost.
	if err := p.fake.EndSessions("demo"); err != nil {
		t.Fatal(err)
	}
	p.mustSignIn(renew, false)
	last := p.record(name)
	if last.Spare.IsEmpty() || last.Lineage == after.Lineage || last.UserID != after.UserID || p.steps[0].Spare {
		t.Errorf("after the loss: %+v, %+v", last, p.steps)
	}
	// Somebody else is signed in at the provider.
	if err := p.fake.EndSessions("demo"); err != nil {
		t.Fatal(err)
	}
	p.provider.SetUser(oidcprovider.User{Subject: "other", Username: "other"})
	err := p.signIn(renew, false)
	if pr := problem.Of(err); pr == nil || pr.Code != problem.Rejected ||
		!strings.Contains(pr.Text, "signed in other, and the account "+name+" is demo's") {
		t.Errorf("another user: %+v", pr)
	}
	if rec := p.record(name); rec.Lineage != last.Lineage {
		t.Errorf("another user's session took the place: %+v", rec)
	}
	if n := p.fake.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); n != 2 {
		t.Errorf("%d sessions were ended: the lost one in passing, and the other user's", n)
	}
}

// The second session must be the same user's.
func TestOpenIDSpareOfAnother(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	err := p.SignInOpenID(t.Context(), control.OpenIDRequest{Server: absAddress}, func(s control.OpenIDStep) error {
		p.steps = append(p.steps, s)
		if s.URL == "" {
			return nil
		}
		if s.Spare {
			p.provider.SetUser(oidcprovider.User{Subject: "other", Username: "other"})
		}
		return p.ReturnOpenID(t.Context(), p.visit(s.URL))
	})
	if err != nil || !strings.Contains(p.notes(), "no spare session is kept: the second sign-in was another user's") {
		t.Errorf("%v\n%s", err, p.notes())
	}
	if rec := p.record(name); !rec.Spare.IsEmpty() || rec.Username != "demo" {
		t.Errorf("%+v", rec)
	}
}

func TestOpenIDBefore226(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{Release: absfake.R2251})
	p.mustSignIn(control.OpenIDRequest{Server: absAddress}, false)
	if rec := p.record(name); rec.Static.IsEmpty() || !rec.Refresh.IsEmpty() || strings.Contains(p.notes(), "spare") {
		t.Errorf("%+v\n%s", rec, p.notes())
	}
}

// The server's limit comes first: nobody is sent to a provider in vain.
func TestOpenIDWithoutRoomForASpare(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{LimiterMax: 40})
	budget := p.budget(&url.URL{Scheme: "http", Host: "127.0.0.1:13378"})
	for range 10 - 4 { // a quarter of 40, less one listener refused, one page, one exchange and one more
		if wait, err := budget.Take(time.Now()); wait > 0 || err != nil {
			t.Fatal(wait, err)
		}
	}
	p.mustSignIn(control.OpenIDRequest{Server: absAddress}, false)
	if rec := p.record(name); !rec.Spare.IsEmpty() || rec.Refresh.IsEmpty() || !strings.Contains(p.notes(), "leaves no room") {
		t.Errorf("%+v\n%s", rec, p.notes())
	}
}

// While a person is at the provider, everybody else may use the account; the
// vault was asked before.
func TestOpenIDHoldsNoLockMeanwhile(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	p.mustSignIn(control.OpenIDRequest{Server: absAddress, Account: "mine"}, false)
	vault, err := p.openVault(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	err = p.SignInOpenID(t.Context(), control.OpenIDRequest{Server: absAddress, Account: "mine"}, func(s control.OpenIDStep) error {
		if s.URL == "" {
			return nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		release, err := vault.Acquire(ctx, "mine")
		if err != nil {
			return err
		}
		release()
		looked++
		return p.ReturnOpenID(t.Context(), p.visit(s.URL))
	})
	if err != nil || looked != 2 {
		t.Errorf("%v, %d", err, looked)
	}
}

// No page is opened where the session could not be kept.
func TestOpenIDAsksTheVaultFirst(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	p.Home.Backend, p.Home.Helper = keychain.OS, []string{"/bin/false"}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	err := p.signIn(control.OpenIDRequest{Server: absAddress}, false)
	if pr := problem.Of(err); pr == nil || pr.Code != problem.Vault || len(p.steps) != 0 {
		t.Errorf("%+v, %+v", pr, p.steps)
	}
	if n := p.fake.Ledger().Count(func(e absfake.Entry) bool { return strings.HasPrefix(e.Path, "/auth/") }); n != 0 {
		t.Errorf("%d authorizations were begun", n)
	}
}

// Nobody waits any more once a sign-in is given up.
func TestOpenIDGivenUp(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	enough := errors.New("enough")
	var last string
	err := p.SignInOpenID(t.Context(), control.OpenIDRequest{Server: absAddress}, func(s control.OpenIDStep) error {
		last = p.visit(s.URL)
		return enough
	})
	if !errors.Is(err, enough) || len(p.waiting()) != 0 {
		t.Errorf("%v, %d wait", err, len(p.waiting()))
	}
	if err := p.ReturnOpenID(t.Context(), last); err == nil || !strings.Contains(err.Error(), "no sign-in waits") {
		t.Errorf("%v", err)
	}
}

func TestRenewalOfAnotherMethod(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	if _, err := p.Home.SignIn(t.Context(), demoSignIn(absAddress)); err != nil {
		t.Fatal(err)
	}
	err := p.signIn(control.OpenIDRequest{Renew: true}, false)
	if pr := problem.Of(err); pr == nil || pr.Code != problem.Usage || !strings.Contains(pr.Text, "does not sign in through OpenID") {
		t.Errorf("%+v", pr)
	}
	// The same user by another way is the same account, with the new method.
	p.mustSignIn(control.OpenIDRequest{Server: absAddress}, true)
	if all := p.Book.All(); len(all) != 1 || all[0].Method != accounts.OIDC {
		t.Errorf("%+v", all)
	}
	if rec := p.record(name); rec.Password.IsStored() {
		t.Error("the password outlived it")
	}
}

// Where a lost answer costs a session there are three spares, as far as the
// server's limit leaves room, and a click makes up for the missing ones.
func TestOpenIDKeepsThreeSpares(t *testing.T) {
	for _, c := range []struct {
		desc         string
		limit, spent int
		kept         int
		note         string
	}{
		{"all fit", 40, 0, 3, "3 spare sessions are kept too, in case this one is lost"},
		{"room for two", 40, 2, 2, "2 spare sessions are kept too, in case this one is lost; no further one: "},
	} {
		t.Run(c.desc, func(t *testing.T) {
			p := newOpenIDRig(t, absfake.Config{Release: absfake.R2332, LimiterMax: c.limit})
			budget := p.budget(&url.URL{Scheme: "http", Host: "127.0.0.1:13378"})
			for range c.spent {
				if wait, err := budget.Take(time.Now()); wait > 0 || err != nil {
					t.Fatal(wait, err)
				}
			}
			p.mustSignIn(control.OpenIDRequest{Server: absAddress}, false)
			if n := len(p.record(name).Spares()); n != c.kept || !strings.Contains(p.notes(), c.note) {
				t.Errorf("%d spares\n%s", n, p.notes())
			}
		})
	}
}
