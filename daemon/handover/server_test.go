package handover

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects, and writes what is to be asked at once.
func (p *pipes) dial(ask string) net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	go func() { _, _ = io.WriteString(near, ask) }()
	return near
}

const asks = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

func answered(t *testing.T, c net.Conn) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Errorf("a request was dropped: %v", err)
		return
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "ok" {
		t.Errorf("%q, %v", body, err)
	}
}

// A request that has been read when the server begins to end is answered. So is one whose
// connection was accepted, and which comes a moment later.
func TestShutdownDropsNoRequest(t *testing.T) {
	for _, at := range []http.ConnState{http.StateNew, http.StateActive} {
		t.Run(at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s *Server
				ended := make(chan error, 1)
				begin := sync.OnceFunc(func() {
					go func() { ended <- s.Shutdown(t.Context()) }()
					synctest.Wait() // it is as far as it can get
				})
				s = NewServer(&http.Server{
					Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }),
					ConnState: func(_ net.Conn, state http.ConnState) {
						if state == at {
							begin()
						}
					},
				})
				l, served := newPipes(), make(chan error, 1)
				go func() { served <- s.Serve(l) }()
				answered(t, l.dial(asks))
				if err := errors.Join(<-ended, <-served); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A connection that brings nothing holds the end up for a moment only, and none that is
// idle does.
func TestShutdownWaitsForNobodySilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(&http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })})
		l, served := newPipes(), make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		idle := l.dial(strings.Replace(asks, "Connection: close\r\n", "", 1))
		defer idle.Close()
		answered(t, idle)
		began := time.Now()
		silent := l.dial("")
		defer silent.Close()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) { // net/http waits five seconds for it
			t.Errorf("%v", err)
		}
		if err := errors.Join(s.Close(), <-served); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		if err := s.Serve(newPipes()); err != nil {
			t.Errorf("served after its end: %v", err)
		}
	})
}
