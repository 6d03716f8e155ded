package answers_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/redact"
)

func TestStatusOffersThePassword(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{})
	a := w.Do("GET", "/status")
	var ours, theirs map[string]any
	if err := json.Unmarshal([]byte(a.Text), &ours); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(w.Direct("GET", "/status", "").Text), &theirs); err != nil {
		t.Fatal(err)
	}
	if ours["app"] != "audiobookshelf" || ours["serverVersion"] != theirs["serverVersion"] ||
		!slices.Equal(slices.Sorted(maps.Keys(ours)), slices.Sorted(maps.Keys(theirs))) {
		t.Errorf("%s", a.Text)
	}
	openID := proxytest.Text("application/json", `{"app":"audiobookshelf","authMethods":["openid"],`+
		`"authFormData":{"authLoginCustomMessage":"hi","authOpenIDAutoLaunch":true,"authOpenIDButtonText":"Go"}}`)
	plain := proxytest.NewWorld(t, openID)
	want := `{"app":"audiobookshelf","authMethods":["local"],"authFormData":{"authLoginCustomMessage":"hi"}}`
	if a := plain.Do("GET", "/status"); a.Text != want {
		t.Errorf("%s", a.Text)
	}
	broken := proxytest.NewWorld(t, proxytest.Text("text/html", "<html>"))
	if a := broken.Do("GET", "/status"); a.StatusCode != 503 {
		t.Errorf("%s", a.Status)
	}
}

func TestOpenIDIsRefusedClearly(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{})
	a := w.Do("GET", "/auth/openid?callback=x", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "none")
	if a.StatusCode != 302 || !strings.HasPrefix(a.Header.Get("Location"), "/login?error=") ||
		strings.Contains(a.Header.Get("Set-Cookie"), "connect.sid") {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	if a := w.Do("GET", "/auth/openid/callback?code=x"); a.StatusCode != 501 {
		t.Errorf("%s", a.Status)
	}
}

func TestChangePassword(t *testing.T) {
	type change struct{ old, new string }
	var asked []change
	var result error
	w := proxytest.NewLocalWorld(t, absfake.Config{}, func(c *proxy.Config) {
		c.Account.ChangePassword = func(_ context.Context, old, next redact.Secret) error {
			asked = append(asked, change{old.Reveal(), next.Reveal()})
			return result
		}
	})
	full, listen := w.NewGrant(players.ScopeFull), w.NewGrant(players.ScopeListen)
	patch := func(token, body string) proxytest.Answer {
		return w.Send("PATCH", "/api/me/password", strings.NewReader(body), "Authorization", "Bearer "+token, "Content-Type", "application/json")
	}
	body := `{"password":"demo","newPassword":"next"}`
	if a := patch(listen, body); a.StatusCode != 403 || asked != nil {
		t.Errorf("%s", a.Status)
	}
	if a := w.Send("PATCH", "/api/me/password", strings.NewReader(body), "Content-Type", "application/json"); a.StatusCode != 403 ||
		asked != nil {
		t.Errorf("a program of the user without a grant: %s", a.Status)
	}
	if a := patch(full, body); a.StatusCode != 200 || a.Text != "OK" || len(asked) != 1 || asked[0] != (change{"demo", "next"}) {
		t.Errorf("%s %s %v", a.Status, a.Text, asked)
	}
	for _, bad := range []string{`{"newPassword":"next"}`, `{"password":"demo"}`, `{`, ``, `{"password":"","newPassword":"next"}`,
		`{"password":1,"newPassword":"x"}`} {
		if a := patch(full, bad); a.StatusCode != 400 || len(asked) != 1 {
			t.Errorf("%s: %s %s", bad, a.Status, a.Text)
		}
	}
	result = refusedByServer{}
	if a := patch(full, body); a.StatusCode != 400 || a.Text != "Invalid password" {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	result = errors.New("no network")
	if a := patch(full, body); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	without := proxytest.NewLocalWorld(t, absfake.Config{})
	if a := without.Send("PATCH", "/api/me/password", strings.NewReader(body), "Authorization",
		"Bearer "+without.NewGrant(players.ScopeAdmin), "Content-Type", "application/json"); a.StatusCode != 501 {
		t.Errorf("%s", a.Status)
	}
}

// payload returns what a token says.
func payload(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	return string(raw)
}

type refusedByServer struct{}

func (refusedByServer) Error() string { return "refused" }

func (refusedByServer) Rejection() string { return "Invalid password" }

// Our own sessions are not ended through us; the user's others are.
func TestOwnSessionsStay(t *testing.T) {
	var w *proxytest.LocalWorld
	refreshes := func() (own []redact.Secret) {
		for _, s := range w.Session.All() {
			if strings.Contains(payload(s.Reveal()), `"refresh"`) {
				own = append(own, s)
			}
		}
		return own
	}
	w = proxytest.NewLocalWorld(t, absfake.Config{Release: "2.36.0"}, func(c *proxy.Config) { c.Account.Refresh = refreshes })
	w.Session.SignInAgain()
	w.Direct("POST", "/login", `{"username":"demo","password":"demo"}`, "Content-Type", "application/json")

	full := "Bearer " + w.NewGrant(players.ScopeFull)
	list := func() (ids []string, current string) {
		a := w.Do("GET", "/api/me/sessions", "Authorization", full)
		w.Clean(a)
		var l struct {
			Sessions []struct {
				ID      string
				Current bool
			}
		}
		if err := json.Unmarshal([]byte(a.Text), &l); err != nil || a.StatusCode != 200 {
			t.Fatalf("%s %s", a.Status, a.Text)
		}
		for _, s := range l.Sessions {
			ids = append(ids, s.ID)
			if s.Current {
				current = s.ID
			}
		}
		return ids, current
	}
	ids, current := list()
	if len(ids) != 3 || current == "" {
		t.Fatalf("%v, current %q", ids, current)
	}
	ended := 0
	for _, id := range ids {
		for _, spelt := range []string{strings.ToUpper(id) + "/", id} {
			a := w.Do("DELETE", "/api/me/sessions/"+spelt, "Authorization", full)
			switch {
			case a.StatusCode == 200:
				ended++
			case a.StatusCode != 403 && a.StatusCode != 404:
				t.Errorf("%s: %s", spelt, a.Status)
			}
		}
	}
	left, again := list()
	if ended != 1 || len(left) != 2 || again != current {
		t.Errorf("%d ended, %v left", ended, left)
	}
	if a := w.Do("DELETE", "/api/me/sessions/"+current, "Authorization", "Bearer "+w.NewGrant(players.ScopeListen)); a.StatusCode != 403 {
		t.Errorf("with the listen scope: %s", a.Status)
	}
	defer w.Fake.Inject(absfake.Fault{Kind: absfake.Answer, Path: "/api/me/sessions", Method: "GET", Status: 502})()
	if a := w.Do("DELETE", "/api/me/sessions/"+current, "Authorization", full); a.StatusCode != 503 {
		t.Errorf("when it cannot be told: %s", a.Status)
	}
}
