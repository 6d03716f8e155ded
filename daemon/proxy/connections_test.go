package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"
)

type addrConn struct {
	net.Conn
	far net.Addr
}

func (c *addrConn) RemoteAddr() net.Addr { return c.far }

func TestConnectionsAreBounded(t *testing.T) {
	from := func(ip string) net.Conn { return &addrConn{far: &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}} }
	asked := 0
	is := func(other bool) func() bool { return func() bool { asked++; return other } }
	var k connections
	var open []net.Conn
	fill := func(extra bool, ip string, other bool, n int) (admitted int) {
		for range n {
			c := from(ip)
			if k.admit(c, extra, is(other)) {
				open = append(open, c)
				admitted++
			}
		}
		return admitted
	}
	if n := fill(false, "127.0.0.1", false, busyConns); n != busyConns || asked != 0 {
		t.Errorf("%d admitted, %d asked about: while it is quiet nobody is asked about", n, asked)
	}
	if n := fill(true, "172.17.0.2", true, 2*maxFromAddr); n != maxFromAddr {
		t.Errorf("%d from one address", n)
	}
	if n := fill(false, "127.0.0.1", true, 2*maxOthers); n != maxOthers-maxFromAddr {
		t.Errorf("%d more of others", n)
	}
	if n := fill(false, "127.0.0.1", false, 2*maxConns); n != maxConns-busyConns-maxOthers {
		t.Errorf("%d more of the user's", n)
	}
	// One that a handler has taken over is open until the handler is done.
	last := open[len(open)-1]
	k.state(last, http.StateHijacked)
	if fill(false, "127.0.0.1", false, 1) != 0 {
		t.Error("a socket that was taken over no longer counts")
	}
	k.done(open[0]) // not taken over: net/http itself says when it ends
	if fill(false, "127.0.0.1", false, 1) != 0 {
		t.Error("a connection ended by its first request")
	}
	k.done(last)
	if fill(false, "127.0.0.1", false, 2) != 1 {
		t.Error("an ended socket still counts")
	}
	for _, c := range open {
		k.state(c, http.StateClosed)
	}
	if len(k.open) != 0 || k.others != 0 || len(k.from) != 0 {
		t.Errorf("left: %+v", &k)
	}
}

// Others cannot keep the user out by opening connections.
func TestCrowdingOut(t *testing.T) {
	var own atomic.Bool
	w := newWorld(t, text("application/json", "{}"), func(c *Config) {
		c.PeerOf = func(net.Conn) players.Peer {
			if own.Load() {
				return players.Peer{UID: 4711, Known: true}
			}
			return players.Peer{UID: 1, Known: true}
		}
	})
	for range busyConns + maxOthers + 20 {
		nc, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	// Whoever asks now is behind all of them in the queue.
	if a := w.try("GET", "/ping"); a != "" {
		t.Errorf("one more of the others: %s", a)
	}
	if n := w.server.Stats().Refused["crowded"]; n < 20 {
		t.Errorf("%d turned away", n)
	}
	own.Store(true)
	if a := w.do("GET", "/api/me"); a.StatusCode != 200 {
		t.Errorf("the user: %s", a.Status)
	}
}

// try returns the status, or "" when the connection ends without an answer.
func (w *world) try(method, path string) string {
	transport := &http.Transport{DisableKeepAlives: true}
	r, err := http.NewRequest(method, "http://"+w.addr+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	return resp.Status
}

// A body that does not come is not waited for; one that comes slowly is.
func TestSlowBodies(t *testing.T) {
	for _, c := range []struct {
		desc   string
		pause  time.Duration
		status string
	}{
		{"slow", bodyWait - time.Second, "400"},
		{"never", 10 * bodyWait, "408"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				s, err := New(Config{
					Base: &url.URL{Scheme: "http", Host: "abs.example"}, Transport: http.DefaultTransport, Tokens: &fakeTokens{list: []string{access1}}, Grants: &fakeGrants{},
					Identity: func() (string, []redact.Secret) { return "u1", nil }, PeerOf: me, OwnUID: 4711, Port: 13379, Account: Account{SignIns: noSignIns{}},
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Use(&oneConn{conn: near, closed: make(chan struct{})}); err != nil {
					t.Fatal(err)
				}
				served := make(chan error, 1)
				go func() { served <- s.Serve() }()
				var sent sync.WaitGroup
				sent.Go(func() {
					fmt.Fprintf(far, "POST /login HTTP/1.1\r\nHost: 127.0.0.1:13379\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
					time.Sleep(c.pause)
					fmt.Fprint(far, "}")
				})
				raw, err := io.ReadAll(far)
				if err != nil || !strings.HasPrefix(string(raw), "HTTP/1.1 "+c.status) {
					t.Errorf("%v: %s", err, raw)
				}
				_ = far.Close()
				if err := s.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if err := <-served; err != nil {
					t.Error(err)
				}
				sent.Wait()
			})
		})
	}
}

// noSignIns is there so that sign-ins are read.
type noSignIns struct{}

func (noSignIns) SignIn(context.Context, players.Caller, string) (players.Caller, players.Pair, error) {
	return players.Caller{}, players.Pair{}, players.ErrNoGrant
}

func (noSignIns) Refresh(context.Context, string) (players.Caller, players.Pair, error) {
	return players.Caller{}, players.Pair{}, players.ErrNoGrant
}

func (noSignIns) Renew(context.Context, string) (players.Caller, players.Pair, error) {
	return players.Caller{}, players.Pair{}, players.ErrNoGrant
}

func (noSignIns) SignOut(players.Caller) error { return nil }

// oneConn is a listener with a single connection.
type oneConn struct {
	conn   net.Conn
	given  bool
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if !l.given {
		l.given = true
		return l.conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }
