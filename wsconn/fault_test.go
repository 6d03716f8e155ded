package wsconn

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/upstream"
)

// Every other answer to an upgrade is a temporary failure with a helpful text.
func TestRefusedUpgrade(t *testing.T) {
	for _, c := range []struct {
		desc  string
		fault absfake.Fault
		says  string
	}{
		{"gateway", absfake.Fault{Kind: absfake.Answer}, "502 Bad Gateway"},
		{"not found", absfake.Fault{Kind: absfake.Answer, Status: 404, ContentType: "text/plain", Body: "404 page not found\n"},
			"answered 404 Not Found"},
		{"gateway's password", absfake.Fault{Kind: absfake.Answer, Status: 401}, "401 Unauthorized"},
		{"limit", absfake.Fault{Kind: absfake.Answer, Status: 429}, "answered 429 Too Many Requests"},
		{"captive portal", absfake.Fault{Kind: absfake.Portal}, "Welcome"},
		{"redirect", absfake.Fault{Kind: absfake.Redirect, Status: 301, Location: "https://login.example/oauth2/start?rd=secret"},
			"redirecting to https://login.example/oauth2/start"},
		{"a 101 of another's", absfake.Fault{Kind: absfake.Answer, Status: 101}, "101"},
		{"refused", absfake.Fault{Kind: absfake.Refuse}, "cut"},
		{"lost", absfake.Fault{Kind: absfake.LoseAnswer}, "cut"},
		{"silence", absfake.Fault{Kind: absfake.Stall}, "deadline"},
		{"cut in the open packet", absfake.Fault{Kind: absfake.CutBytes, Bytes: 9}, "cut"},
		{"silence in the open packet", absfake.Fault{Kind: absfake.Stall, Bytes: 9}, "nothing came over the live socket in time"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
				c.fault.Upgrades = true
				remove := w.abs.Inject(c.fault)
				s := w.start(w.config())
				snap := w.awaitThat(s, Snapshot.Degraded)
				if snap.Cause != CauseTemporary || !strings.Contains(snap.Reason, c.says) || strings.Contains(snap.Reason, "secret") {
					t.Errorf("%+v", snap)
				}
				time.Sleep(20 * time.Minute)
				if n := w.log.count("\n"); n != 1 {
					t.Errorf("%d lines:\n%s", n, w.log)
				}
				tries := w.abs.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/socket.io/" })
				if tries < 10 || tries > 60 {
					t.Errorf("%d tries in 20 minutes", tries)
				}
				remove()
				s.Kick("the server is back")
				w.await(s, Authenticated)
				if _, most, _ := w.net.numbers(); most != 1 || w.tokens.suspects != 0 {
					t.Errorf("%d connections at one time, %d suspicions", most, w.tokens.suspects)
				}
			})
		})
	}
}

// A reverse proxy without the two lines for WebSockets is the commonest
// trouble of all; ABS itself says that the header is missing.
func TestProxyWithoutUpgrade(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		end := w.front(func(rw http.ResponseWriter, r *http.Request) {
			r.Header.Del("Upgrade")
			r.Header.Set("Connection", "close")
			w.abs.Handler().ServeHTTP(rw, r)
		})
		defer end()
		s := w.start(w.config())
		snap := w.awaitThat(s, Snapshot.Degraded)
		if !strings.Contains(snap.Reason, "does not pass the Upgrade header on") {
			t.Errorf("%+v", snap)
		}
		s.Close()
	})
}

// pipes is a listener in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestServerAway(t *testing.T) {
	for _, c := range []struct {
		desc string
		end  func(*absfake.Server)
		says string
	}{
		{"killed", (*absfake.Server).Restart, cutEvidence},
		{"stopped", (*absfake.Server).RestartCleanly, "the server closed the live socket"},
		{"closed", func(s *absfake.Server) { s.DropSockets(absfake.EndClean) }, "the server closed the live socket"},
		{"cut", func(s *absfake.Server) { s.DropSockets(absfake.EndCut) }, cutEvidence},
		{"reset", func(s *absfake.Server) { s.DropSockets(absfake.EndReset) }, cutEvidence},
	} {
		t.Run(c.desc, func(t *testing.T) {
			bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
				s := w.upNow()
				time.Sleep(time.Hour)
				lost := time.Now()
				c.end(w.abs)
				if snap := w.await(s, Waiting); snap.Reason != c.says || !snap.Degraded() {
					t.Errorf("%+v", snap)
				}
				// After an hour of calm the first pause is a short one.
				if snap := w.await(s, Authenticated); snap.Reconnects != 1 || time.Since(lost) > 2*time.Second {
					t.Errorf("%v later: %+v", time.Since(lost), snap)
				}
				if n := w.abs.Ledger().MaxSockets(""); n != 1 {
					t.Errorf("%d sockets at one time", n)
				}
			})
		})
	}
}

// A connection that dies young does not count as calm: pauses grow.
func TestPausesGrowWithoutCalm(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		defer w.abs.Inject(absfake.Fault{Kind: absfake.CutAfter, Upgrades: true, After: 10 * time.Second})()
		s := w.upNow()
		time.Sleep(time.Hour)
		// A mean of one minute's pause and ten seconds of life, and some shorter
		// ones at the beginning.
		if n := s.Snapshot().Reconnects; n < 25 || n > 100 {
			t.Errorf("%d reconnects in an hour", n)
		}
	})
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) { // as nginx does by default: 60 s
		defer w.abs.Inject(absfake.Fault{Kind: absfake.CutAfter, Upgrades: true, After: time.Minute})()
		s := w.upNow()
		time.Sleep(time.Hour)
		if n := s.Snapshot().Reconnects; n < 57 || n > 60 {
			t.Errorf("%d reconnects in an hour", n)
		}
	})
}

func TestServerGoneForGood(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		s := w.upNow()
		if err := w.abs.Close(); err != nil {
			t.Fatal(err)
		}
		w.tokens.set(func() { w.tokens.fixed = w.tokens.access })
		snap := w.awaitThat(s, func(s Snapshot) bool { return strings.Contains(s.Reason, "refused") })
		time.Sleep(24 * time.Hour)
		if snap.Cause != CauseTemporary || w.log.count("\n") != 3 {
			t.Errorf("%+v; log:\n%s", snap, w.log)
		}
	})
}

// The network's own way out goes, as when the account is given up.
func TestUpstreamCloses(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		s := w.upNow()
		w.up.Close()
		if snap := w.await(s, Waiting); !snap.Degraded() {
			t.Errorf("%+v", snap)
		}
		s.Close()
	})
}

// front puts another server where ABS should be.
func (w *world) front(h http.HandlerFunc) (end func()) {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	w.net.dial = l.dial
	return func() { _ = server.Close(); <-done }
}

func TestRetryAfter(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		end := w.front(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Retry-After", "300")
			rw.WriteHeader(http.StatusTooManyRequests)
		})
		defer end()
		s := w.start(w.config())
		time.Sleep(16 * time.Minute)
		if _, _, dials := w.net.numbers(); dials < 3 || dials > 4 {
			t.Errorf("%d tries in 16 minutes, 5 minutes being asked for", dials)
		}
		s.Close()
	})
}

func TestPolicyOnSocket(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		var seen http.Header
		end := w.front(func(rw http.ResponseWriter, r *http.Request) {
			seen = r.Header.Clone()
			rw.WriteHeader(http.StatusForbidden)
		})
		s := w.start(w.config())
		w.awaitThat(s, Snapshot.Degraded)
		s.Close()
		end()
		if seen.Get("X-Gate") != "open" || seen.Get("User-Agent") != upstream.DefaultUserAgent ||
			seen.Get("Authorization") != "" || seen.Get("Sec-Websocket-Extensions") != "" {
			t.Errorf("%v", seen)
		}
	})
}
