package answers_test

import (
	"net"
	"strings"
	"sync/atomic"
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
	refusesOpening(t, w)
	for range answers.MaxOpenings - 1 {
		if _, err := w.Server.OpenURL(players.ScopeFull); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Server.OpenURL(players.ScopeFull); err == nil {
		t.Error("openings are not bounded")
	}
}

// Where the system does not tell whose browser it is, as on macOS, the address opens
// nothing, and is not used up.
func TestOpenOfAnUnknownUser(t *testing.T) {
	var known atomic.Bool
	w := proxytest.NewLocalWorld(t, absfake.Config{}, func(c *proxy.Config) {
		c.PeerOf = func(nc net.Conn) players.Peer {
			if known.Load() {
				return proxytest.Me(nc)
			}
			return players.Peer{}
		}
	})
	path := refusesOpening(t, w)
	known.Store(true)
	if a := w.Do("GET", path); a.StatusCode != 200 || !strings.Contains(a.Text, "eyJ") {
		t.Errorf("the user's own browser: %s %s", a.Status, a.Text)
	}
}

func refusesOpening(t *testing.T, w *proxytest.LocalWorld) (path string) {
	t.Helper()
	address, err := w.Server.OpenURL(players.ScopeFull)
	if err != nil {
		t.Fatal(err)
	}
	path = strings.TrimPrefix(address, "http://"+w.Addr)
	if a := w.Do("GET", path); a.StatusCode != 401 || strings.Contains(a.Text, "eyJ") || len(w.Store.List("home")) != 0 {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	return path
}
