package upstream

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// connections counts what a server has accepted, and can close what it has.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]http.ConnState
	made atomic.Int64
}

func (c *connections) state(nc net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[net.Conn]http.ConnState{}
	}
	switch c.open[nc] = state; state {
	case http.StateNew:
		c.made.Add(1)
	case http.StateClosed, http.StateHijacked:
		delete(c.open, nc)
	}
}

// cut closes what no request uses.
func (c *connections) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for nc, state := range c.open {
		if state != http.StateActive {
			_ = nc.Close()
		}
	}
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

func (r *readyConns) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.list)
}

// startReady starts a server with connections that are kept ready.
func startReady(t *testing.T, secure bool) (*Upstream, *pool, *httptest.Server, *connections, *atomic.Bool) {
	t.Helper()
	var seen connections
	var s *httptest.Server
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Method) })
	p := Policy{ProxyURL: "direct"}
	if secure {
		a := newAuthority(t)
		s = httptest.NewUnstartedServer(h)
		s.EnableHTTP2 = true
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = tlsOf(a.issue(t, "abs.example"))
		s.Config.ConnState = seen.state
		s.StartTLS()
		p.CAFile, p.Dial = a.file, to(s.Listener.Addr().String())
		p.Base = address(t, "https://abs.example")
	} else {
		s = httptest.NewUnstartedServer(h)
		s.Config.ConnState = seen.state
		s.Start()
		p.Base = address(t, s.URL)
	}
	t.Cleanup(s.Close)
	u := open(t, p)
	active := &atomic.Bool{}
	active.Store(true)
	u.StayReady(active.Load)
	pool := u.ready.Load().poolOf(u.base)
	becomes(t, "no connection is ready", func() bool { return pool.ready.count() == 1 })
	return u, pool, s, &seen, active
}

func TestAConnectionIsKeptReady(t *testing.T) {
	for name, secure := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			u, pool, _, seen, active := startReady(t, secure)
			for i := range 3 {
				pool.shared.Load().CloseIdleConnections()
				made := seen.made.Load()
				becomes(t, "no connection is ready", func() bool { return pool.ready.count() == 1 })
				if _, body, err := fetch(t, u.Transport().RoundTrip, "GET", u.base.String()); err != nil || body != "GET" {
					t.Fatal(err)
				}
				if i == 0 && made != 1 {
					t.Errorf("%d connections before the first request", made)
				}
			}
			// The server closes what rests; the next request notices nothing.
			seen.cut()
			if _, body, err := fetch(t, u.Transport().RoundTrip, "GET", u.base.String()); err != nil || body != "GET" {
				t.Error(err)
			}
			// Nobody is active any more: nothing stays.
			active.Store(false)
			u.readying.signal()
			u.readying.group.Wait()
			if n := pool.ready.count(); n != 0 {
				t.Errorf("%d stay", n)
			}
			pool.shared.Load().CloseIdleConnections()
			becomes(t, "connections stay open", func() bool { return seen.count() == 0 })
			u.StayReady(func() bool { return true }) // again
			becomes(t, "no connection is ready", func() bool { return pool.ready.count() == 1 })
		})
	}
}

// What must not be sent twice takes no connection that waited.
func TestUnsafeRequestsTakeNoReadyConnection(t *testing.T) {
	u, pool, _, _, _ := startReady(t, false)
	pool.ready.mu.Lock()
	kept := pool.ready.list[0]
	pool.ready.mu.Unlock()
	for _, method := range []string{"POST", "PATCH", "DELETE", "PUT"} {
		if _, body, err := fetch(t, u.Transport().RoundTrip, method, u.base.String()); err != nil || body != method {
			t.Error(method, err)
		}
	}
	pool.ready.mu.Lock()
	defer pool.ready.mu.Unlock()
	if len(pool.ready.list) == 0 || pool.ready.list[0] != kept {
		t.Error("it was taken")
	}
}

// A server that ends each connection on which nothing is asked is not dialled without end.
func TestReadyConnectionsThatAreClosedAtOnce(t *testing.T) {
	u, pool, _, seen, _ := startReady(t, false)
	seen.cut()
	becomes(t, "the end is not noticed", func() bool { return pool.ready.count() == 0 })
	if n := seen.made.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if _, _, err := fetch(t, u.Transport().RoundTrip, "GET", u.base.String()); err != nil {
		t.Error(err)
	}
}
