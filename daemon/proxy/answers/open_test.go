package answers_test

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/proxytest"
)

// An opening is for a browser of the user alone: an address can be read off a
// process list.
func TestOpenOfAnotherUser(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{}, func(c *proxy.Config) { c.OwnUID = 1 })
	address, err := w.Server.OpenURL(players.ScopeFull)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(address, "http://"+w.Addr)
	if a := w.Do("GET", path); a.StatusCode != 401 || strings.Contains(a.Text, "eyJ") || len(w.Store.List("home")) != 0 {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	for range answers.MaxOpenings - 1 {
		if _, err := w.Server.OpenURL(players.ScopeFull); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Server.OpenURL(players.ScopeFull); err == nil {
		t.Error("openings are not bounded")
	}
}
