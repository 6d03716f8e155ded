package proxy_test

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// A look at the system's tables that hangs holds up only the connection that it is
// about: who presents a grant is served meanwhile, however many strangers come.
func TestSlowLookupHoldsUpNobodyElse(t *testing.T) {
	hangs := make(chan struct{})
	var asked atomic.Int64
	w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"), func(c *proxy.Config) {
		c.PeerOf = func(net.Conn) players.Peer {
			asked.Add(1)
			<-hangs
			return players.Peer{UID: 1, Known: true}
		}
	})
	t.Cleanup(func() { close(hangs) }) // before the server is closed
	player := &http.Transport{}
	defer player.CloseIdleConnections()
	plays := func(desc string) {
		t.Helper()
		r, err := http.NewRequest("GET", "http://"+w.Addr+"/api/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
		began := time.Now()
		resp, err := player.RoundTrip(r)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v %v", desc, resp, err)
		}
		_ = resp.Body.Close()
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: after %v", desc, took)
		}
	}
	crowd := func(n int) {
		for range n {
			nc, err := net.Dial("tcp", w.Addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = nc.Close() })
		}
	}
	crowd(proxy.BusyConns + 50)
	plays("a player with a grant")
	crowd(3 * proxy.MaxUnasked)
	plays("the same, on its old connection")
	player.CloseIdleConnections()
	plays("the same, on a new one")
	if n := w.Server.Stats().Refused["crowded"]; n < proxy.MaxUnasked {
		t.Errorf("%d had to go", n)
	}
	if n := asked.Load(); n > proxy.MaxAskers {
		t.Errorf("%d lookups run at the same time", n)
	}
}
