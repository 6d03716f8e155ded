package home

import (
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// works reports whether the server takes a key.
func (p *openIDRig) works(key redact.Secret) bool {
	p.T.Helper()
	a, _ := p.Book.Get(name)
	up, err := p.Reach(a)
	if err != nil {
		p.Fatal(err)
	}
	defer up.Close()
	conn := up.Private()
	defer conn.Close()
	_, err = absapi.New(conn, up.Base()).Me(p.Context(), key)
	return err == nil
}

// An admin who signs in through OpenID has a key kept, whose use a new sign-in ends, and
// which is removed at the server with the account.
func TestEmergencyKey(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	p.mustSignIn(control.OpenIDRequest{Server: absAddress}, false)
	for _, s := range p.steps {
		if s.Answer != nil && !s.Answer.Admin {
			t.Error("nobody says that the user is an admin")
		}
	}
	if !p.record(name).EmergencyKey.IsEmpty() {
		t.Fatal("a key is kept that nobody asked for")
	}
	view, err := p.KeepEmergencyKey(t.Context(), name, 30)
	key := p.record(name).EmergencyKey
	if err != nil || view.Account != name || len(view.Notes) > 0 || time.Until(view.EndsAt).Round(24*time.Hour) != 30*24*time.Hour ||
		!p.works(key) {
		t.Fatalf("%+v, %v", view, err)
	}
	if token, err := absapi.ParseToken(key); err != nil || !strings.HasPrefix(token.Username, "Shelfkeeper emergency key") {
		t.Errorf("%+v, %v", token, err)
	}
	if err := p.fake.EndSessions("demo"); err != nil {
		t.Fatal(err)
	}
	p.mustSignIn(control.OpenIDRequest{Account: name, Renew: true}, false)
	if rec := p.record(name); rec.EmergencyKey != key || rec.Spare.IsEmpty() || p.steps[0].Spare {
		t.Errorf("after a new sign-in: %+v, %+v", rec, p.steps)
	}
	if err := p.SignOut(t.Context(), name); err != nil {
		t.Errorf("sign out: %v", err)
	}
	if n := p.fake.Ledger().Count(func(e absfake.Entry) bool { return e.Method == "DELETE" && e.Status == 200 }); n != 1 {
		t.Errorf("%d keys were removed", n)
	}
}

func TestEmergencyKeyIsDropped(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{})
	p.mustSignIn(control.OpenIDRequest{Server: absAddress}, true)
	if _, err := p.KeepEmergencyKey(t.Context(), "", 1); err != nil {
		t.Fatal(err)
	}
	key := p.record(name).EmergencyKey
	if view, err := p.DropEmergencyKey(t.Context(), ""); err != nil || len(view.Notes) > 0 || !view.EndsAt.IsZero() || p.works(key) {
		t.Errorf("%+v, %v", view, err)
	}
	if _, err := p.DropEmergencyKey(t.Context(), ""); problem.Of(err).Code != problem.Usage {
		t.Errorf("dropped twice: %v", err)
	}
}

// Nobody gets a key that would be of no use, or that nobody may have.
func TestEmergencyKeyIsNotForEverybody(t *testing.T) {
	p := newOpenIDRig(t, absfake.Config{Users: []absfake.User{{Name: "demo", Password: "d", Type: "user"},
		{Name: "root", Password: "r", Type: "root"}}})
	p.mustSignIn(control.OpenIDRequest{Server: absAddress}, true)
	for _, c := range []struct {
		days int
		code problem.Code
		text string
	}{
		{30, problem.Rejected, "lets only admins"},
		{0, problem.Usage, "1 to 365"}, {366, problem.Usage, "1 to 365"}, {-1, problem.Usage, "1 to 365"},
	} {
		_, err := p.KeepEmergencyKey(t.Context(), name, c.days)
		if pr := problem.Of(err); pr == nil || pr.Code != c.code || !strings.Contains(pr.Text, c.text) ||
			!p.record(name).EmergencyKey.IsEmpty() {
			t.Errorf("%d days: %+v", c.days, pr)
		}
	}
	other := newOpenIDRig(t, absfake.Config{})
	if _, err := other.Home.SignIn(t.Context(), demoSignIn(absAddress)); err != nil {
		t.Fatal(err)
	}
	if _, err := other.KeepEmergencyKey(t.Context(), "", 30); problem.Of(err).Code != problem.Usage {
		t.Errorf("an account with a password: %v", err)
	}
}
