package absapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
)

// Unwritten decides whether a token may be sent again at once, so it may err
// on one side only.
func TestUnwritten(t *testing.T) {
	base, _ := url.Parse("http://abs.example")
	refresh := func(ctx context.Context, dial func() (net.Conn, error)) *Error {
		tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dial() }}
		defer tr.CloseIdleConnections()
		_, err := New(plainDoer{tr}, base).Refresh(ctx, redact.New("r"))
		return asError(t, err)
	}
	t.Run("dial refused", func(t *testing.T) {
		if e := refresh(t.Context(), func() (net.Conn, error) { return nil, errors.New("refused") }); !e.Unwritten ||
			e.Verdict != Temporary {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("deadline while dialling", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		e := refresh(ctx, func() (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() })
		if !e.Unwritten || e.Evidence != "no answer within the deadline" {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("TLS fails", func(t *testing.T) {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		defer s.Close()
		tr := &http.Transport{}
		defer tr.CloseIdleConnections()
		u, _ := url.Parse(s.URL)
		_, err := New(plainDoer{tr}, u).Refresh(t.Context(), redact.New("r"))
		if e := asError(t, err); !e.Unwritten || !strings.Contains(e.Evidence, "not trusted (issued by O=Acme Co)") {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("connection breaks on write", func(t *testing.T) {
		e := refresh(t.Context(), func() (net.Conn, error) { return &brokenConn{closed: make(chan struct{})}, nil })
		// The headers were handed over, so nothing is proven.
		if e.Unwritten || e.Verdict != Temporary {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("cut after the request was read", func(t *testing.T) {
		e := refresh(t.Context(), func() (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() { _, _ = theirs.Read(make([]byte, 64<<10)); _ = theirs.Close() }()
			return ours, nil
		})
		if e.Unwritten || e.Evidence != "the connection was cut" {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("deadline while waiting", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs := net.Pipe()
		defer theirs.Close()
		go func() { _, _ = theirs.Read(make([]byte, 64<<10)); cancel() }()
		if e := refresh(ctx, func() (net.Conn, error) { return ours, nil }); e.Unwritten {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("the Doer knows", func(t *testing.T) {
		for _, known := range []bool{true, false} {
			_, err := New(failing{fmt.Errorf("x: %w", knowing(known))}, base).Refresh(t.Context(), redact.New("r"))
			if e := asError(t, err); e.Unwritten != known {
				t.Errorf("got %+v, want %v", e, known)
			}
		}
	})
	t.Run("a token that no header can carry", func(t *testing.T) {
		e := refresh(t.Context(), func() (net.Conn, error) { return nil, errors.New("dialled") })
		_, err := New(plainDoer{&http.Transport{}}, base).Refresh(t.Context(), redact.New("a\nb"))
		if bad := asError(t, err); !bad.Unwritten || strings.Contains(bad.Error(), "a\nb") || !e.Unwritten {
			t.Errorf("got %+v", bad)
		}
	})
}

// brokenConn takes nothing and says nothing.
type brokenConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *brokenConn) Read([]byte) (int, error)  { <-c.closed; return 0, io.ErrClosedPipe }
func (c *brokenConn) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (c *brokenConn) Close() error              { c.once.Do(func() { close(c.closed) }); return nil }

type failing struct{ err error }

func (f failing) Do(*http.Request) (*http.Response, error) { return nil, f.err }

type knowing bool

func (k knowing) Error() string   { return "known" }
func (k knowing) Unwritten() bool { return bool(k) }

// A cancelled call and an HTTP/2 stream return while their writer may still be
// at work; only a transport that gave up by itself on HTTP/1 has waited for it.
func TestWhatProvesUnwritten(t *testing.T) {
	for _, c := range []struct {
		desc                              string
		connected, headers, h2, cancelled bool
		want                              bool
	}{
		{desc: "no connection", want: true},
		{desc: "no connection, cancelled", cancelled: true, want: true},
		{desc: "connected, gave up by itself", connected: true, want: true},
		{desc: "connected, cancelled", connected: true, cancelled: true},
		{desc: "connected by h2", connected: true, h2: true},
		{desc: "headers written", connected: true, headers: true},
	} {
		var w written
		w.gotConnection.Store(c.connected)
		w.wroteHeaders.Store(c.headers)
		w.multiplexed.Store(c.h2)
		err := io.EOF
		if c.cancelled {
			err = context.DeadlineExceeded
		}
		if got := w.proves(&url.Error{Op: "Post", Err: err}); got != c.want {
			t.Errorf("%s: %v", c.desc, got)
		}
	}
}
