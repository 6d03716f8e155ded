package proxy_test

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
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/redact"
)

// Others cannot keep the user out by opening connections.
func TestCrowdingOut(t *testing.T) {
	var own atomic.Bool
	w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"), func(c *proxy.Config) {
		c.PeerOf = func(net.Conn) players.Peer {
			if own.Load() {
				return players.Peer{UID: 4711, Known: true}
			}
			return players.Peer{UID: 1, Known: true}
		}
	})
	for range proxy.BusyConns + proxy.MaxOthers + 20 {
		nc, err := net.Dial("tcp", w.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	// Whoever asks now is behind all of them in the queue.
	if a := w.Try("GET", "/ping"); a != "" {
		t.Errorf("one more of the others: %s", a)
	}
	if n := w.Server.Stats().Refused["crowded"]; n < 20 {
		t.Errorf("%d turned away", n)
	}
	own.Store(true)
	if a := w.Do("GET", "/api/me"); a.StatusCode != 200 {
		t.Errorf("the user: %s", a.Status)
	}
}

// A body that does not come is not waited for; one that comes slowly is.
func TestSlowBodies(t *testing.T) {
	for _, c := range []struct {
		desc   string
		pause  time.Duration
		status string
	}{
		{"slow", proxy.BodyWait - time.Second, "400"},
		{"never", 10 * proxy.BodyWait, "408"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				s, err := proxy.New(proxy.Config{
					Base: &url.URL{Scheme: "http", Host: "abs.example"}, Transport: http.DefaultTransport,
					Tokens: &proxytest.Tokens{List: []string{proxytest.Access1}}, Grants: &proxytest.Grants{},
					Identity: func() (string, []redact.Secret) { return "u1", nil }, PeerOf: proxytest.Me, OwnUID: 4711, Port: 13379,
					Account: proxy.Account{SignIns: noSignIns{}},
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
					fmt.Fprintf(far, "POST /login HTTP/1.1\r\nHost: 127.0.0.1:13379\r\nConnection: close\r\n"+
						"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
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
