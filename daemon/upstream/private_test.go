package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counting is a server in memory whose connections are numbered.
type counting struct {
	dials    atomic.Int32
	listener *pipeListener
	server   *http.Server
	done     chan struct{}
}

func serveMemory(h http.HandlerFunc) *counting {
	c := &counting{listener: &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}, done: make(chan struct{})}
	c.server = &http.Server{Handler: h}
	go func() { defer close(c.done); _ = c.server.Serve(c.listener) }()
	return c
}

func (c *counting) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	c.dials.Add(1)
	return c.listener.dial(ctx)
}

func (c *counting) Close() { _ = c.server.Close(); <-c.done }

type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
	case <-ctx.Done():
	}
	return nil, errors.New("memory: connection refused")
}
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

const memoryBase = "http://abs.example"

func TestPrivateIsOneConnection(t *testing.T) {
	var asked []string
	s := serveMemory(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+r.URL.Path)
		_, _ = io.WriteString(w, "ok")
	})
	defer s.Close()
	u := open(t, Policy{Base: address(t, memoryBase), Dial: s.dial})
	p := u.Private()
	defer p.Close()
	for range 3 {
		if _, _, err := fetch(t, p.Do, "GET", memoryBase+"/ping"); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := fetch(t, p.Do, "POST", memoryBase+"/auth/refresh"); err != nil {
		t.Fatal(err)
	}
	if n := s.dials.Load(); n != 1 || len(asked) != 4 {
		t.Errorf("%d dials, asked %v", n, asked)
	}
	// The shared pool does not lend its connections.
	if _, _, err := fetch(t, u.Transport().RoundTrip, "GET", memoryBase+"/x"); err != nil || s.dials.Load() != 2 {
		t.Errorf("%d dials, %v", s.dials.Load(), err)
	}
}

// A connection that died after the preflight must not be replaced silently: the
// refresh would go out on a way that nobody tried.
func TestPrivateNeverMovesOn(t *testing.T) {
	var refreshes atomic.Int32
	s := serveMemory(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			refreshes.Add(1)
		}
	})
	defer s.Close()
	var cut net.Conn
	u := open(t, Policy{Base: address(t, memoryBase), Dial: func(ctx context.Context, n, a string) (net.Conn, error) {
		c, err := s.dial(ctx, n, a)
		cut = c
		return c, err
	}})
	p := u.Private()
	defer p.Close()
	if _, _, err := fetch(t, p.Do, "GET", memoryBase+"/ping"); err != nil {
		t.Fatal(err)
	}
	_ = cut.Close()
	_, _, err := fetch(t, p.Do, "POST", memoryBase+"/auth/refresh")
	if err == nil || s.dials.Load() != 1 || refreshes.Load() != 0 {
		t.Fatalf("%v, %d dials, %d refreshes", err, s.dials.Load(), refreshes.Load())
	}
	var known interface{ Unwritten() bool }
	if !errors.Is(err, ErrSpent) || !errors.As(err, &known) || !known.Unwritten() {
		t.Errorf("got %v", err)
	}
	// It stays spent, for every method.
	if _, _, err := fetch(t, p.Do, "GET", memoryBase+"/ping"); !errors.Is(err, ErrSpent) || s.dials.Load() != 1 {
		t.Errorf("got %v", err)
	}
}

// A server that reads the request and then hangs up has acted on it: once.
func TestPrivateSendsAPostOnce(t *testing.T) {
	var posts atomic.Int32
	s := serveMemory(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
			panic(http.ErrAbortHandler)
		}
	})
	defer s.Close()
	u := open(t, Policy{Base: address(t, memoryBase), Dial: s.dial})
	for _, do := range []func(*http.Request) (*http.Response, error){privately(t, u), u.Transport().RoundTrip} {
		posts.Store(0)
		if _, _, err := fetch(t, do, "GET", memoryBase+"/ping"); err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequestWithContext(t.Context(), "POST", memoryBase+"/auth/refresh", strings.NewReader(""))
		r.Header.Set("Idempotency-Key", "a player's idea")
		_, err := do(r)
		var known interface{ Unwritten() bool }
		if err == nil || posts.Load() != 1 || errors.As(err, &known) {
			t.Errorf("got %v after %d", err, posts.Load())
		}
	}
}

func privately(t *testing.T, u *Upstream) func(*http.Request) (*http.Response, error) {
	p := u.Private()
	t.Cleanup(p.Close)
	return p.Do
}

// Some gateways close after each answer and say so; then there is nothing to
// keep, and one new connection is no surprise.
func TestPrivateFollowsAnAnnouncedClose(t *testing.T) {
	s := serveMemory(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "ok")
	})
	defer s.Close()
	u := open(t, Policy{Base: address(t, memoryBase), Dial: s.dial})
	do := privately(t, u)
	for range 3 {
		if _, _, err := fetch(t, do, "POST", memoryBase+"/x"); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.dials.Load(); n != 3 {
		t.Errorf("%d dials", n)
	}
}

func TestPrivateIsSpentByAFailedDial(t *testing.T) {
	down := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("down") }
	u := open(t, Policy{Base: address(t, memoryBase), Dial: down})
	do := privately(t, u)
	if _, _, err := fetch(t, do, "GET", memoryBase); err == nil || errors.Is(err, ErrSpent) {
		t.Errorf("first: %v", err)
	}
	if _, _, err := fetch(t, do, "GET", memoryBase); !errors.Is(err, ErrSpent) {
		t.Errorf("second: %v", err)
	}
}

// ABS closes idle connections after 5 to 6 s; ours are gone by then.
func TestIdleConnectionsAreOursToClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveMemory(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
		defer s.Close()
		u := open(t, Policy{Base: address(t, memoryBase), Dial: s.dial})
		get := u.Transport().RoundTrip
		ask := func(after time.Duration) {
			t.Helper()
			<-time.After(after) // on the bubble's clock
			if _, _, err := fetch(t, get, "GET", memoryBase); err != nil {
				t.Fatal(err)
			}
		}
		ask(0)
		ask(3 * time.Second)
		if n := s.dials.Load(); n != 1 {
			t.Errorf("%d dials within the keep-alive", n)
		}
		ask(5 * time.Second)
		if n := s.dials.Load(); n != 2 {
			t.Errorf("%d dials after it", n)
		}
		u.CloseIdle()
		ask(0)
		if n := s.dials.Load(); n != 3 {
			t.Errorf("%d dials after CloseIdle", n)
		}
		u.Close()
	})
}

// A dial that hangs ends with its deadline, and with Close.
func TestDialIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		u := open(t, Policy{Base: address(t, memoryBase), Dial: hang})
		start := time.Now()
		if _, _, err := fetch(t, u.Transport().RoundTrip, "GET", memoryBase); !errors.Is(err, context.DeadlineExceeded) ||
			time.Since(start) != dialDeadline {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		failed := make(chan error)
		go func() { _, _, err := fetch(t, u.Transport().RoundTrip, "GET", memoryBase); failed <- err }()
		synctest.Wait()
		u.Close()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCloseCutsStreamsAndSockets(t *testing.T) {
	started := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/socket.io/" {
			echoSocket(w, r)
			return
		}
		_ = http.NewResponseController(w).Flush()
		close(started)
		<-r.Context().Done()
	}))
	defer srv.Close()
	u := open(t, Policy{Base: address(t, srv.URL)})
	r, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
	resp, err := u.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-started
	c, upgrade, err := u.WebsocketDialer().DialContext(t.Context(), "ws"+strings.TrimPrefix(srv.URL, "http")+"/socket.io/", u.Header())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	defer upgrade.Body.Close()
	u.CloseIdle()
	if n := u.network.count(); n != 2 {
		t.Fatalf("%d connections, want the stream and the socket", n)
	}
	u.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the stream goes on")
	}
	if _, _, err := c.ReadMessage(); err == nil {
		t.Error("the socket goes on")
	}
	if n := u.network.count(); n != 0 {
		t.Errorf("%d connections left", n)
	}
	if _, _, err := fetch(t, u.Transport().RoundTrip, "GET", srv.URL); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	u.Close()
}

func (n *network) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.open)
}
