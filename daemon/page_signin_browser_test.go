package daemon

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
	"shelfkeeper/daemon/health"
)

// A person signs in through the server's OpenID provider: the button, the
// provider's page in a tab of its own, and the page that goes on by itself.
func TestPageOpenID(t *testing.T) {
	b := browser(t)
	front := httptest.NewUnstartedServer(nil)
	o := absfake.OpenID{Issuer: "http://" + front.Listener.Addr().String(), ClientID: "abs", ClientSecret: "sek", MatchBy: "username",
		Only: true, Redirects: []string{"*"}}
	provider := oidcprovider.New(oidcprovider.Config{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret,
		User: oidcprovider.User{Username: "demo"}})
	front.Config.Handler = provider
	front.Start()
	t.Cleanup(front.Close)
	w := newPageWorld(t, absfake.Config{Outbound: provider})
	w.fake.SetOpenID(o)
	p := newTab(t, b, w.page)
	p.fill("#server", w.server)
	p.click("form button")
	p.says("through its OpenID provider")
	p.judge("first-openid")
	if p.js(`return String(document.querySelector("#password"))`) != "null" {
		t.Error("it offers a password where the server takes none")
	}
	p.click("form[action='/sign-in/openid'] button")
	p.until(`document.querySelector("#provider") !== null`)
	p.judge("openid-wait")
	p.click("#provider")
	w.until("the session", func(s health.Snapshot) bool { return len(s.Accounts) == 1 })
	p.toFront() // the person comes back to the page
	p.says("is signed in")
	p.until(`document.querySelector("#finish") !== null`)
	p.judge("openid-end")
	p.click("#finish")
	p.says("You are signed in")
	w.until("the account", func(s health.Snapshot) bool {
		return len(s.Accounts) == 1 && s.Accounts[0].Session.Method == "openid" && s.Level == health.OK
	})
}

// A person signs in with an API key.
func TestPageAPIKey(t *testing.T) {
	b := browser(t)
	w := newPageWorld(t, absfake.Config{})
	p := newTab(t, b, w.page)
	p.fill("#server", w.server)
	p.click("form button")
	p.says("Found it")
	p.click("details:has(#token) > summary")
	p.fill("#token", "no key")
	p.click("form:has(#token) button")
	p.says("neither an API key nor a token")
	p.judge("first-no-key")
	p.fill("#token", apiKey(t, w.server))
	p.click("form:has(#token) button")
	p.says("You are signed in")
	w.until("the account", func(s health.Snapshot) bool {
		return len(s.Accounts) == 1 && s.Accounts[0].Session.Method == "api key" && s.Level == health.OK
	})
}

// apiKey has the server make a key for its root user.
func apiKey(t *testing.T, server string) string {
	t.Helper()
	post := func(path, token string, in map[string]any, out any) {
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(http.MethodPost, server+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			t.Fatalf("%s: %s: %v", path, resp.Status, err)
		}
	}
	var user struct {
		User struct{ ID, AccessToken string }
	}
	post("/login", "", map[string]any{"username": "demo", "password": "demo"}, &user)
	var key struct{ APIKey struct{ APIKey string } }
	post("/api/api-keys", user.User.AccessToken, map[string]any{"name": "page", "userId": user.User.ID, "isActive": true}, &key)
	return key.APIKey.APIKey
}
