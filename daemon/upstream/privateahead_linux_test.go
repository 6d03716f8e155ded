package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// What is dialled ahead is the one connection that the requests travel on.
func TestPrivateDialledAhead(t *testing.T) {
	ca := newAuthority(t)
	for _, secure := range []bool{false, true} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		var conns atomic.Int32
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				conns.Add(1)
			}
		}
		server.EnableHTTP2 = true // a private connection speaks HTTP/1.1 all the same
		policy := Policy{}
		if secure {
			server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "127.0.0.1")}}
			server.StartTLS()
			policy.CAFile = ca.file
		} else {
			server.Start()
		}
		policy.Base = address(t, server.URL)
		u := open(t, policy)
		p := u.Private()
		p.Dial()
		waitUntil(t, "the connection is there before a request", func() bool { return conns.Load() == 1 })
		for _, method := range []string{"POST", "GET", "POST"} {
			resp, _, err := fetch(t, p.Do, method, server.URL+"/auth/refresh")
			if err != nil || resp.ProtoMajor != 1 {
				t.Fatalf("TLS %v, %s: %v, %v", secure, method, resp, err)
			}
		}
		if n := conns.Load(); n != 1 {
			t.Errorf("TLS %v: %d connections", secure, n)
		}
		server.CloseClientConnections()
		waitUntil(t, "the connection counts as gone", func() bool {
			_, _, err := fetch(t, p.Do, "POST", server.URL+"/auth/refresh")
			return errors.Is(err, ErrSpent)
		})
		p.Close()
		server.Close()
	}
}

// A dial that fails, or that nobody needs, is over with the connection.
func TestPrivateDialledAheadInVain(t *testing.T) {
	refused := errors.New("refused")
	synctest.Test(t, func(t *testing.T) {
		var fails, dials atomic.Int32
		fails.Store(1)
		u := open(t, Policy{Base: address(t, memoryBase), Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if dials.Add(1); fails.Load() == 1 {
				return nil, refused
			}
			<-ctx.Done() // as where packets vanish
			return nil, ctx.Err()
		}})
		p := u.Private()
		p.Dial()
		if _, _, err := fetch(t, p.Do, "POST", memoryBase+"/auth/refresh"); !errors.Is(err, refused) {
			t.Error(err)
		}
		if _, _, err := fetch(t, p.Do, "POST", memoryBase+"/auth/refresh"); !errors.Is(err, ErrSpent) || dials.Load() != 1 {
			t.Errorf("%v after %d dials", err, dials.Load())
		}
		p.Close()
		fails.Store(0)
		p = u.Private()
		p.Dial()
		synctest.Wait()
		p.Close() // waits for the dial
		p = u.Private()
		p.Dial()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r, err := http.NewRequestWithContext(ctx, "POST", memoryBase+"/auth/refresh", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Do(r); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		p.Close()
	})
}

// Close waits for a handshake that the other side never answers.
func TestPrivateClosesItsHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		u := open(t, Policy{Base: address(t, "https://abs.example"), Dial: func(context.Context, string, string) (net.Conn, error) {
			return near, nil
		}})
		p := u.Private()
		p.Dial()
		synctest.Wait()
		p.Close()
		select {
		case <-p.ahead.done:
		default:
			t.Error("it goes on")
		}
	})
}
