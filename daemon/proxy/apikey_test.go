package proxy_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// An API key that is made through a grant of scope admin is shown to that caller,
// once. Nobody else sees it, nor any other token.
func TestNewAPIKeyIsShownOnce(t *testing.T) {
	log := &safeLog{}
	w := proxytest.NewLocalWorld(t, absfake.Config{Release: "2.36.0"}, func(c *proxy.Config) {
		c.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	admin := "Bearer " + w.NewGrant(players.ScopeAdmin)
	body := `{"name":"mine","userId":"` + w.Session.UserID + `","isActive":true}`
	a := w.Post("/api/api-keys", body, "Authorization", admin)
	var made struct {
		APIKey struct{ ID, APIKey string }
	}
	if err := json.Unmarshal([]byte(a.Text), &made); err != nil || strings.Count(made.APIKey.APIKey, ".") != 2 {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	key := made.APIKey.APIKey
	if there := w.Direct("GET", "/api/me", "", "Authorization", "Bearer "+key); there.StatusCode != 200 {
		t.Errorf("the key is worth nothing at the server: %s", there.Status)
	}
	if strings.Contains(a.Header.Get("Cache-Control"), "public") || strings.Contains(log.buf.String(), key) {
		t.Error("the key is kept elsewhere")
	}
	for _, c := range []struct{ method, path, header string }{
		{"GET", "/api/api-keys", admin}, {"GET", "/api/users", admin}, {"GET", "/api/me", admin},
	} {
		if again := w.Do(c.method, c.path, "Authorization", c.header); again.StatusCode != 200 || strings.Contains(again.Text, key) {
			t.Errorf("%s: %s", c.path, again.Status)
		}
	}
	// It is the server's, and opens nothing here.
	if here := w.Do("GET", "/api/me", "Authorization", "Bearer "+key); here.StatusCode != 401 {
		t.Errorf("%s", here.Status)
	}
	full := "Bearer " + w.NewGrant(players.ScopeFull)
	if refused := w.Post("/api/api-keys", body, "Authorization", full); refused.StatusCode != 403 {
		t.Errorf("with the full scope: %s", refused.Status)
	}
}

// Only the key itself passes: not another one beside it, and no session's token.
func TestNewAPIKeyIsAlone(t *testing.T) {
	key := proxytest.JWT(`{"keyId":"k1","name":"n","type":"api","iat":1}`)
	other := proxytest.JWT(`{"keyId":"k2","name":"n","type":"api","iat":1}`)
	answer := `{"apiKey":{"apiKey":"` + key + `","id":"k1","name":"` + other +
		`","user":{"token":"` + proxytest.Access1 + `"}},"x":"` + proxytest.Others + `"}`
	w := proxytest.NewWorld(t, proxytest.Text("application/json; charset=utf-8", answer),
		func(c *proxy.Config) { c.Grants = adminScope{c.Grants} })
	bearer := []string{"Authorization", "Bearer " + proxytest.Grant, "Content-Type", "application/json"}
	a := w.Send("POST", "/api/api-keys", strings.NewReader("{}"), bearer...)
	want := strings.NewReplacer(other, "", proxytest.Access1, proxytest.Grant, proxytest.Others, "").Replace(answer)
	if a.StatusCode != 200 || a.Text != want {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	for _, path := range []string{"/api/users", "/api/api-keys/k1"} {
		if a := w.Send("PATCH", path, strings.NewReader("{}"), bearer...); strings.Contains(a.Text, key) {
			t.Errorf("%s: %s", path, a.Text)
		}
	}
	if a := w.Do("GET", "/api/api-keys", bearer...); a.StatusCode != 200 || strings.Contains(a.Text, key) {
		t.Errorf("%s %s", a.Status, a.Text)
	}
}
