package answers_test

import (
	"encoding/json"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/proxytest"
)

// shape returns a JSON document with its strings of tokens and its times
// blanked, so that two answers can be compared.
func shape(t *testing.T, body string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	user, _ := doc["user"].(map[string]any)
	for _, name := range []string{"token", "accessToken", "refreshToken"} {
		if s, ok := user[name].(string); ok && strings.Count(s, ".") == 2 {
			user[name] = "a token"
		}
	}
	delete(user, "lastSeen")
	return doc
}

// Clients that join an address with a slash at its end and a path sign in and
// go on as the others do (aioaudiobookshelf 0.1.24).
func TestDoubledSlashes(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{})
	secret := w.NewGrant(players.ScopeListen)
	in := proxytest.UserIn(t, w.Post("//login", `{"username":"x","password":"`+secret+`"}`, "x-return-tokens", "true"))
	bearer := "Bearer " + in.User.AccessToken
	for _, c := range []struct{ method, path string }{
		{"GET", "//api/me"}, {"POST", "//api/authorize"}, {"GET", "/api//libraries"}, {"GET", "/audiobookshelf//api/me"},
		{"GET", "//ping"}, {"GET", "//status"}, {"GET", "///api/me"}, {"GET", "//audiobookshelf/api/me"},
	} {
		if a := w.Do(c.method, c.path, "Authorization", bearer); a.StatusCode != 200 {
			t.Errorf("%s %s: %s %s", c.method, c.path, a.Status, a.Text)
		}
	}
	book := w.Fake.Library().Large()
	path := "//api/items/" + book.ID + "/file/" + book.Files[0].Ino + "?token="
	if a := w.Do("GET", path+in.User.AccessToken, "Range", "bytes=0-9"); a.StatusCode != 206 {
		t.Errorf("%s", a.Status)
	}
	if a := w.Do("GET", path+secret+"x"); a.StatusCode != 401 {
		t.Errorf("a wrong grant: %s", a.Status)
	}
	if a := w.Post("//auth//refresh", "", "x-refresh-token", *in.User.RefreshToken); a.StatusCode != 200 {
		t.Errorf("refresh: %s %s", a.Status, a.Text)
	}
	odd := w.Fake.Ledger().Count(func(e absfake.Entry) bool { return strings.Contains(e.Path, "//") })
	if odd != 0 {
		t.Errorf("%d requests went on with doubled slashes", odd)
	}
}
