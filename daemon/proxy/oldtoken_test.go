package proxy_test

import (
	"testing"

	"shelfkeeper/daemon/proxy/proxytest"
)

// An account may have nothing but the token that never expires. The web client
// sends whoever has such a one to its sign-in page; what it holds is ours.
func TestUserOfAnOldToken(t *testing.T) {
	const in = `{"user":{"token":"x","isOldToken":true,"bookmarks":[{"title":"\"isOldToken\":true"}]}}`
	const young = `{"user":{"token":"x","isOldToken":false,"bookmarks":[{"title":"\"isOldToken\":true"}]}}`
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/api/authorize", young},
		{"POST", "/audiobookshelf/API/authorize/", young},
		{"GET", "/api/me", young},
		{"GET", "/api/items/1", in},
	} {
		w := proxytest.NewWorld(t, proxytest.Text("application/json; charset=utf-8", in))
		a := w.Do(c.method, c.path, "Authorization", "Bearer "+proxytest.Grant)
		if a.StatusCode != 200 || a.Text != c.want {
			t.Errorf("%s %s: %s %s", c.method, c.path, a.Status, a.Text)
		}
	}
}
