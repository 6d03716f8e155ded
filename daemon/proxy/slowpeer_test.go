package proxy_test

import (
	"bufio"
	"fmt"
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
	crowd(proxy.MaxConns)
	plays("the same, on its old connection")
	player.CloseIdleConnections()
	plays("the same, on a new one")
	if n := w.Server.Stats().Refused["crowded"]; n < proxy.BusyConns {
		t.Errorf("%d had to go", n)
	}
	if n := asked.Load(); n > proxy.MaxAskers {
		t.Errorf("%d lookups run at the same time", n)
	}
}

// Whose a connection is may take long to find out on a busy machine. None of the user's
// own gives way for that, however many come at once.
func TestSlowLookupEndsNoConnectionOfTheUser(t *testing.T) {
	asked := make(chan struct{})
	w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"), func(c *proxy.Config) {
		c.PeerOf = func(nc net.Conn) players.Peer {
			<-asked
			return proxytest.Me(nc)
		}
	})
	var conns []net.Conn
	for range 256 {
		nc, err := net.Dial("tcp", w.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := fmt.Fprintf(nc, "GET /api/me HTTP/1.1\r\nHost: %s\r\n\r\n", w.Addr); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, nc)
	}
	// The last one's grant shows that all have been accepted.
	r, err := http.NewRequest("GET", "http://"+w.Addr+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
	player := &http.Transport{}
	defer player.CloseIdleConnections()
	resp, err := player.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a player with a grant: %v %v", resp, err)
	}
	_ = resp.Body.Close()
	close(asked)
	for n, nc := range conns {
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("connection %d of %d: %v %v", n, len(conns), resp, err)
		}
		_ = resp.Body.Close()
	}
	if n := w.Server.Stats().Refused["crowded"]; n != 0 {
		t.Errorf("%d had to go", n)
	}
}
