package absfake

import (
	"strings"
	"testing"
)

// staff are the users of the tests about administration.
var staff = []User{{Name: "root", Password: "r", Type: "root"}, {Name: "ada", Password: "a", Type: "admin"}, {Name: "alice", Password: "a"}}

func (w *world) as(name, password string) func(method, path string, body any) reply {
	token := w.loginAs(name, password).access
	return func(method, path string, body any) reply {
		return w.do(method, path, body, "Authorization", "Bearer "+token)
	}
}

func TestAccountsAreForAdministrators(t *testing.T) {
	w := newWorld(t, Config{Users: staff})
	root, ada, alice := w.as("root", "r"), w.as("ada", "a"), w.as("alice", "a")
	id := func(name string) string {
		for _, u := range root("GET", "/api/users", nil).json(t)["users"].([]any) {
			if u := u.(map[string]any); u["username"] == name {
				return u["id"].(string)
			}
		}
		t.Fatalf("%s is not in the list", name)
		return ""
	}
	for _, c := range []struct {
		desc         string
		do           func(string, string, any) reply
		method, path string
		body         any
		status       int
		text         string
	}{
		{"list as a user", alice, "GET", "/api/users", nil, 403, "Forbidden"},
		{"create as a user", alice, "POST", "/api/users", m{"username": "x", "password": "x"}, 403, "Forbidden"},
		{"create without a password", ada, "POST", "/api/users", m{"username": "x"}, 400, "Username and password are required"},
		{"create a name that is taken", ada, "POST", "/api/users", m{"username": "ALICE", "password": "x"}, 400, "Username already taken"},
		{"create an unknown type", ada, "POST", "/api/users", m{"username": "x", "password": "x", "type": "guru"}, 400,
			"Invalid account type"},
		{"an admin edits root", ada, "PATCH", "/api/users/" + id("root"), m{"username": "x"}, 403, "Forbidden"},
		{"a key that cannot be edited", root, "PATCH", "/api/users/" + id("alice"), m{"token": "x"}, 400, `Key "token" cannot be updated`},
		{"a name that is taken", root, "PATCH", "/api/users/" + id("alice"), m{"username": "ada"}, 400, "Username already taken"},
		{"nobody", root, "PATCH", "/api/users/nobody", m{"username": "x"}, 404, "Not Found"},
		{"delete oneself", ada, "DELETE", "/api/users/" + id("ada"), nil, 400, "Bad Request"},
		{"delete root", ada, "DELETE", "/api/users/" + id("root"), nil, 403, "Forbidden"},
		{"see oneself as a user", alice, "GET", "/api/users/" + id("alice"), nil, 403, "Forbidden"},
		{"see another as a user", alice, "GET", "/api/users/" + id("ada"), nil, 403, "Forbidden"},
	} {
		if r := c.do(c.method, c.path, c.body); r.status != c.status || r.body != c.text {
			t.Errorf("%s: %d %q", c.desc, r.status, r.body)
		}
	}
	if r := ada("GET", "/api/users/"+id("root"), nil); r.json(t)["token"] != "" {
		t.Error("an administrator sees the root user's token")
	}
	made := root("POST", "/api/users", m{"username": "eve", "password": "e"}).json(t)["user"].(map[string]any)
	if r := w.do("POST", "/login", m{"username": "eve", "password": "e"}); made["isActive"] != false || r.status != 401 {
		t.Errorf("an account made without isActive is active: %v, %d", made["isActive"], r.status)
	}
}

func TestAPIKeysStartInactiveAndEnd(t *testing.T) {
	eachRelease(t, Config{Users: staff}, func(t *testing.T, w *world, _ facts) {
		root := w.as("root", "r")
		alice, _ := w.as("alice", "a")("GET", "/api/me", nil).json(t)["id"].(string)
		key := func(body m) (secret, id string) {
			body["userId"], body["name"] = alice, "desk"
			k, _ := root("POST", "/api/api-keys", body).json(t)["apiKey"].(map[string]any)
			secret, _ = k["apiKey"].(string)
			id, _ = k["id"].(string)
			return secret, id
		}
		idle, idleID := key(m{})
		if w.me(idle) != 401 {
			t.Error("a key made without isActive opens something")
		}
		if r := root("PATCH", "/api/api-keys/"+idleID, m{"isActive": true}); r.status != 200 || w.me(idle) != 200 {
			t.Errorf("a key that was switched on opens nothing: %d", r.status)
		}
		if r := w.do("GET", "/api/me?token="+idle, nil); r.status != 200 {
			t.Errorf("in the query: %d", r.status)
		}
		if err := w.s.SetDisabled("alice", true); err != nil || w.me(idle) != 401 {
			t.Errorf("the key of a disabled user opens something (%v)", err)
		}
		if err := w.s.SetDisabled("alice", false); err != nil {
			t.Fatal(err)
		}
		if r := root("DELETE", "/api/api-keys/"+idleID, nil); r.status != 200 || w.me(idle) != 401 {
			t.Errorf("a deleted key opens something: %d", r.status)
		}
		w.refused(idle, msgInvalidType)
		entries := w.s.Ledger().Entries()
		if kind := entries[len(entries)-2].TokenKind; kind != TokenAPI {
			t.Errorf("the ledger calls a key %q", kind)
		}
		if r := root("GET", "/api/api-keys", nil); strings.Contains(r.body, idle) || strings.Contains(r.body, idleID) {
			t.Error("a list tells keys, or deleted ones")
		}
	})
}

func TestBookmarks(t *testing.T) {
	w := newWorld(t, Config{Users: staff})
	alice, bob := w.as("alice", "a"), w.as("ada", "a")
	at := "/api/me/item/" + w.s.Library().Tracks().ID + "/bookmark"
	for _, c := range []struct {
		desc, method, path string
		body               any
		status             int
	}{
		{"make", "POST", at, m{"time": 5, "title": "here"}, 200},
		{"make it again", "POST", at, m{"time": 5, "title": "there"}, 200},
		{"without a title", "POST", at, m{"time": 5}, 400},
		{"without a time", "POST", at, m{"title": "x"}, 400},
		{"in nothing", "POST", "/api/me/item/x/bookmark", m{"time": 5, "title": "x"}, 404},
		{"rename", "PATCH", at, m{"time": 5, "title": "now"}, 200},
		{"rename nothing", "PATCH", at, m{"time": 6, "title": "now"}, 404},
		{"delete nothing", "DELETE", at + "/6", nil, 404},
		{"delete no number", "DELETE", at + "/six", nil, 400},
	} {
		if r := alice(c.method, c.path, c.body); r.status != c.status {
			t.Errorf("%s: %d %q", c.desc, r.status, r.body)
		}
	}
	marks, _ := alice("GET", "/api/me", nil).json(t)["bookmarks"].([]any)
	if len(marks) != 1 || marks[0].(map[string]any)["title"] != "now" {
		t.Errorf("bookmarks: %v", marks)
	}
	if others, _ := bob("GET", "/api/me/bookmarks", nil).json(t)["bookmarks"].([]any); len(others) != 0 {
		t.Errorf("somebody else's: %v", others)
	}
	if r := alice("DELETE", at+"/5", nil); r.status != 200 {
		t.Errorf("delete: %d", r.status)
	}
	if left, _ := alice("GET", "/api/me/bookmarks", nil).json(t)["bookmarks"].([]any); len(left) != 0 {
		t.Errorf("after the deletion: %v", left)
	}
}

func TestProgressInABatch(t *testing.T) {
	w := newWorld(t, Config{Users: staff})
	alice := w.as("alice", "a")
	a, b := w.s.Library().Items[0].ID, w.s.Library().Items[1].ID
	if r := alice("PATCH", "/api/me/progress/batch/update", m{}); r.status != 400 || r.body != "Missing request payload" {
		t.Errorf("an object: %d %q", r.status, r.body)
	}
	r := alice("PATCH", "/api/me/progress/batch/update", []m{
		{"libraryItemId": a, "currentTime": 7.0}, {"libraryItemId": "unknown", "currentTime": 8.0},
		{"libraryItemId": b, "isFinished": true},
	})
	if r.status != 200 {
		t.Fatalf("%d %q", r.status, r.body)
	}
	for path, status := range map[string]int{"/api/me/progress/" + a + "/episode": 404, "/api/me/progress/unknown": 404} {
		if r := alice("PATCH", path, m{"currentTime": 9.0}); r.status != status {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	if r := alice("POST", "/api/items/"+a+"/play/episode", m{}); r.status != 400 {
		t.Errorf("play an episode of a book: %d", r.status)
	}
	if p := alice("GET", "/api/me/progress/"+a, nil).json(t); p["currentTime"] != 7.0 {
		t.Errorf("%v", p)
	}
	if p := alice("GET", "/api/me/progress/"+b, nil).json(t); p["isFinished"] != true {
		t.Errorf("%v", p)
	}
}

func TestReleaseWithoutSessions(t *testing.T) {
	w := newWorld(t, Config{Release: R2251, Users: staff})
	r := w.do("POST", "/login", m{"username": "alice", "password": "a"}, "x-return-tokens", "true")
	u, _ := r.json(t)["user"].(map[string]any)
	token, _ := u["token"].(string)
	if _, there := u["accessToken"]; there || token == "" || w.me(token) != 200 {
		t.Errorf("login: %v", u)
	}
	for _, c := range r.header.Values("Set-Cookie") {
		if strings.HasPrefix(c, "refresh_token") {
			t.Errorf("a cookie %q", c)
		}
	}
	if r := w.do("POST", "/auth/refresh", nil, "x-refresh-token", token); r.status != 404 {
		t.Errorf("refresh: %d", r.status)
	}
	if r := w.do("GET", "/api/api-keys", nil, "Authorization", "Bearer "+w.rootToken()); r.status != 404 {
		t.Errorf("API keys: %d", r.status)
	}
	r = w.do("PATCH", "/api/me/password", m{"password": "wrong", "newPassword": "b"}, "Authorization", "Bearer "+token)
	if r.status != 200 || r.json(t)["error"] != "Invalid password" {
		t.Errorf("wrong password: %d %q", r.status, r.body)
	}
	r = w.do("PATCH", "/api/me/password", m{"password": "a", "newPassword": "b"}, "Authorization", "Bearer "+token)
	if r.json(t)["success"] != true || w.me(token) != 200 {
		t.Errorf("password: %d %q", r.status, r.body)
	}
}

// rootToken is the root user's token without an end.
func (w *world) rootToken() string {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.s.userByNameLocked("root").legacy
}
