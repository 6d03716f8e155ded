package daemon

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

const testRealm = "http://provider.test/realm"

// signInByBrowser signs in through OpenID as a browser would, without a spare.
func (w *pageWorld) signInByBrowser(p *oidcprovider.Provider, req control.OpenIDRequest) {
	w.t.Helper()
	err := w.daemon.SignInOpenID(w.t.Context(), req, func(s control.OpenIDStep) error {
		at := s.URL
		if at == "" {
			return nil
		}
		if s.Spare {
			return w.daemon.SkipOpenID(w.t.Context(), s.State)
		}
		for strings.HasPrefix(at, testRealm) || strings.HasPrefix(at, w.server) {
			r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, at, nil)
			if err != nil {
				return err
			}
			var via http.RoundTripper = http.DefaultTransport
			if strings.HasPrefix(at, testRealm) {
				via = p
			}
			resp, err := via.RoundTrip(r)
			if err != nil {
				return err
			}
			_ = resp.Body.Close()
			at = resp.Header.Get("Location")
		}
		return w.daemon.ReturnOpenID(w.t.Context(), at)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *pageWorld) account() health.Account {
	w.t.Helper()
	all := w.daemon.Snapshot().Accounts
	if len(all) != 1 {
		w.t.Fatalf("%d accounts", len(all))
	}
	return all[0]
}

// play asks for the libraries as a player does, and returns the status.
func (w *pageWorld) play() int {
	w.t.Helper()
	resp, err := http.Get(w.account().Proxy.URL + "/api/libraries")
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// A session that is lost for good: players are served with the emergency key, the level
// and every view say so, a click alone asks for the browser, and a sign-in ends it.
func TestPlayersAreServedWithTheEmergencyKey(t *testing.T) {
	p := oidcprovider.New(oidcprovider.Config{Issuer: testRealm, ClientID: "abs", ClientSecret: "sek",
		User: oidcprovider.User{Username: "demo"}})
	w := newPageWorld(t, absfake.Config{Outbound: p, AccessTTL: 3 * time.Second})
	w.fake.SetOpenID(absfake.OpenID{Issuer: testRealm, ClientID: "abs", ClientSecret: "sek", MatchBy: "username"})
	w.signInByBrowser(p, control.OpenIDRequest{Server: w.server})
	name := w.account().Name
	if view, err := w.daemon.KeepEmergencyKey(t.Context(), name, 30); err != nil || view.Account != name {
		t.Fatalf("%+v, %v", view, err)
	}
	w.until("the key is shown", func(s health.Snapshot) bool {
		return s.Accounts[0].Session.EmergencyKey == health.KeyKept
	})
	if status := w.play(); status != http.StatusOK {
		t.Errorf("before: %d", status)
	}
	if err := w.fake.EndSessions("demo"); err != nil {
		t.Fatal(err)
	}
	w.until("the key is in use", func(s health.Snapshot) bool {
		_ = w.play()
		a := s.Accounts[0]
		return a.Level == health.Degraded && a.Condition == health.EmergencyKey.ID && a.Session.EmergencyKey == health.KeyInUse
	})
	for range 3 {
		if status := w.play(); status != http.StatusOK {
			t.Errorf("with the key: %d", status)
		}
	}
	if a := w.account(); !strings.Contains(a.Remedy, "shelfkeeper reauth") || !strings.Contains(a.Reason, "until you sign in") {
		t.Errorf("said: %s; %s", a.Reason, a.Remedy)
	}
	if err := w.daemon.Reauthenticate(t.Context(), name); problem.Of(err) == nil || problem.Of(err).Code != problem.NeedsUser {
		t.Errorf("a click without a browser: %v", err)
	}
	if status := w.play(); status != http.StatusOK {
		t.Errorf("after the click: %d", status)
	}
	w.signInByBrowser(p, control.OpenIDRequest{Account: name, Renew: true})
	w.until("the session is back", func(s health.Snapshot) bool {
		a := s.Accounts[0]
		// Tokens of three seconds are a condition of their own.
		return a.Condition == health.OddTokens.ID && a.Session.State == "fresh" && a.Session.EmergencyKey == health.KeyKept
	})
	if status := w.play(); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
	if err := w.daemon.SignOut(t.Context(), name); err != nil {
		t.Errorf("sign out: %v", err)
	}
	if n := w.fake.Ledger().Count(func(e absfake.Entry) bool {
		return e.Method == http.MethodDelete && strings.HasPrefix(e.Path, "/api/api-keys/") && e.Status == http.StatusOK
	}); n != 1 {
		t.Errorf("%d keys were removed", n)
	}
}
