package proxy_test

import (
	"bufio"
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

// Strangers cannot keep out the user, nor another user's player with a grant.
func TestCrowdingOut(t *testing.T) {
	var uid atomic.Int64
	uid.Store(1)
	w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"), func(c *proxy.Config) {
		c.PeerOf = func(net.Conn) players.Peer { return players.Peer{UID: int(uid.Load()), Known: true} }
	})
	crowd := func() {
		for range proxy.BusyConns + proxy.MaxOthers + 100 {
			nc, err := net.Dial("tcp", w.Addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = nc.Close() })
		}
	}
	player := &http.Transport{}
	defer player.CloseIdleConnections()
	plays := func(desc string) {
		r, err := http.NewRequest("GET", "http://"+w.Addr+"/api/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
		resp, err := player.RoundTrip(r)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v %v", desc, resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	crowd()
	if a := w.Try("GET", "/ping"); a != "200 OK" { // it waits behind all of them, so they are counted
		t.Errorf("one more stranger: %s", a)
	}
	if n := w.Server.Stats().Refused["crowded"]; n < 50 {
		t.Errorf("%d had to go", n)
	}
	uid.Store(2)
	plays("another user's player with a grant")
	uid.Store(1)
	crowd()
	w.Try("GET", "/ping")
	plays("the same, on its old connection")
	uid.Store(4711)
	if a := w.Do("GET", "/api/me"); a.StatusCode != 200 {
		t.Errorf("the user: %s", a.Status)
	}
}

// A connection on which somebody unknown was refused ends with the answer.
func TestRefusalsToStrangersClose(t *testing.T) {
	for _, c := range []struct {
		desc, request string
		uid           int
		closes        bool
	}{
		{"a stranger", "GET /api/me HTTP/1.1\r\nHost: {host}\r\n\r\n", 1, true},
		{"a stranger that asks whether the server is there", "GET /ping HTTP/1.1\r\nHost: {host}\r\n\r\n", 1, true},
		{"a stranger with a wrong grant", "GET /api/me?token=sk_x HTTP/1.1\r\nHost: {host}\r\n\r\n", 1, true},
		{"another user's player beyond its scope", "GET /api/users?token=" + proxytest.Grant + " HTTP/1.1\r\nHost: {host}\r\n\r\n", 1, false},
		{"the user, beyond the scope", "GET /api/users HTTP/1.1\r\nHost: {host}\r\n\r\n", 4711, false},
	} {
		w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"), func(cfg *proxy.Config) {
			cfg.PeerOf = func(net.Conn) players.Peer { return players.Peer{UID: c.uid, Known: true} }
		})
		all := w.Raw(c.request)
		if len(all) != 1 || all[0].Close != c.closes {
			t.Errorf("%s: %v", c.desc, all)
		}
	}
}

// A body that does not come is not waited for, also where a connection would serve
// another request and where nobody reads it; one that comes slowly is.
func TestSlowBodies(t *testing.T) {
	const login, refused, upload = "POST /login", "POST /api/users", "POST /api/session/local"
	for _, c := range []struct {
		desc, what, header string
		pause, within      time.Duration
		status             string
	}{
		{"slow", login, "Connection: close\r\n", proxy.BodyWait - time.Second, proxy.BodyWait, "400"},
		{"never", login, "Connection: close\r\n", 10 * proxy.BodyWait, proxy.BodyWait, "408"},
		{"slow, on a connection that stays", login, "", proxy.BodyWait - time.Second, proxy.BodyWait, "400"},
		{"never, on a connection that stays", login, "", 10 * proxy.BodyWait, proxy.BodyWait, "408"},
		{"never, of what is refused", refused, "", 10 * proxy.BodyWait, time.Second, "403"},
		{"never, of what is refused, chunked", refused, "Transfer-Encoding: chunked\r\n", 10 * proxy.BodyWait, time.Second, "403"},
		{"never, of what goes on", upload, "", 10 * proxy.BodyWait, proxy.BodyWait, "408"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
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
					body := "Content-Length: 2\r\n\r\n{"
					if strings.Contains(c.header, "chunked") {
						body = "\r\n2\r\n{"
					}
					fmt.Fprintf(far, "%s HTTP/1.1\r\nHost: 127.0.0.1:13379\r\n%sContent-Type: application/json\r\n%s", c.what, c.header, body)
					time.Sleep(c.pause)
					fmt.Fprint(far, "}")
				})
				resp, err := http.ReadResponse(bufio.NewReader(far), nil)
				if err != nil || !strings.HasPrefix(resp.Status, c.status) || time.Since(began) > c.within+time.Second {
					t.Errorf("%v %v after %v", resp, err, time.Since(began))
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
