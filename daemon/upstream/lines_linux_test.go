package upstream

import (
	"bufio"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// A line that rests is closed when the other side closes it, and when it has rested for
// too long.
func TestLineThatRests(t *testing.T) {
	quit := make(chan struct{})
	s := newScripted(t, nil, func(_ int, c net.Conn, in *bufio.Reader) {
		answers(c, in, func(*http.Request) string { return ok("x") })
	})
	closing := newScripted(t, nil, func(_ int, c net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err == nil {
			_, _ = io.WriteString(c, ok("x"))
		}
		<-quit
	})
	u, p := upstreamTo(t, s.url, "")
	p.mu.Lock()
	p.life.now, p.life.seen = 1500*time.Millisecond, true // as a server has said
	p.lines.live(p.life.now)
	p.mu.Unlock()
	v, q := upstreamTo(t, closing.url, "")
	for _, u := range []*Upstream{u, v} {
		if _, _, err := given(t.Context(), u, "GET", "/"); err != nil {
			t.Fatal(err)
		}
	}
	left := func(p *pool) (n int, watched bool) {
		p.lines.mu.Lock()
		defer p.lines.mu.Unlock()
		for _, l := range p.lines.idle {
			watched = watched || l.watched != nil
		}
		return len(p.lines.idle), watched
	}
	waitUntil(t, "it is watched", func() bool { _, watched := left(q); return watched })
	close(quit)
	waitUntil(t, "the other side's end is noticed", func() bool { n, _ := left(q); return n == 0 })
	waitUntil(t, "it has rested for too long", func() bool { n, _ := left(p); return n == 0 })
	waitUntil(t, "all are closed", func() bool { return len(u.network.list())+len(v.network.list()) == 0 })
}

// Whoever waits for a new line takes one that is free before, and the new one serves the
// next.
func TestFreeLineServesWhoWaits(t *testing.T) {
	var s lines
	s.life.Store(int64(time.Minute))
	defer s.close()
	near, _ := twoEnds(t)
	free := newLine(near, near, false)
	opened := make(chan *line)
	open := func(context.Context) (*line, error) {
		if l := <-opened; l != nil {
			return l, nil
		}
		return nil, ErrClosed
	}
	got := make(chan *line)
	for range 2 {
		go func() {
			l, err := s.take(t.Context(), open)
			if err != nil {
				t.Error(err)
			}
			got <- l
		}()
	}
	waitUntil(t, "two wait", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.waiting) == 2 })
	s.put(free)
	if l := <-got; l != free {
		t.Error("the free line serves nobody")
	}
	own, _ := twoEnds(t)
	late, _ := twoEnds(t)
	opened <- newLine(own, own, true)
	opened <- newLine(late, late, true)
	if l := <-got; l.below != own && l.below != late {
		t.Error("the new line serves nobody")
	}
	waitUntil(t, "the other one rests", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.idle) == 1 })
	ctx, cancel := context.WithCancelCause(t.Context())
	s.drop()
	go cancel(errRefused)
	if _, err := s.take(ctx, open); err != errRefused {
		t.Error(err)
	}
	close(opened)
}

// What HTTP/2 is spoken over goes to net/http, which dials no second time.
func TestLineLeavesHTTP2(t *testing.T) {
	var dials atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			dials.Add(1)
		}
	}
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	u, _ := upstreamTo(t, s.URL, ca)
	for range 3 {
		if body, _, err := given(t.Context(), u, "GET", "/"); err != nil || body != "HTTP/2.0" {
			t.Fatal(body, err)
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
