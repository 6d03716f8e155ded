package absfake

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

func TestSocketEnds(t *testing.T) {
	for _, c := range []struct {
		desc   string
		end    func(*Server)
		code   int
		reason string
	}{
		{"clean", func(s *Server) { s.DropSockets(EndClean) }, websocket.CloseNoStatusReceived, "forced close"},
		{"cut", func(s *Server) { s.DropSockets(EndCut) }, websocket.CloseAbnormalClosure, "transport error"},
		{"reset", func(s *Server) { s.DropSockets(EndReset) }, websocket.CloseAbnormalClosure, "transport error"},
		{"killed", (*Server).Restart, websocket.CloseAbnormalClosure, "killed"},
		{"stopped", (*Server).RestartCleanly, websocket.CloseNoStatusReceived, "forced close"},
		{"closed", func(s *Server) { _ = s.Close() }, websocket.CloseAbnormalClosure, "killed"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			bubbled(t, Config{}, func(w *world) {
				s := w.openAs("alice", "a")
				idle := w.poll()
				waits := idle.later()
				c.end(w.s)
				s.closes(c.code)
				<-waits
				e := w.s.Ledger().Sockets()[0]
				if e.Reason != c.reason || e.User != "alice" || e.Closed.IsZero() {
					t.Errorf("the ledger says %+v", e)
				}
				if left := w.s.Ledger().OpenSockets(""); len(left) != 0 {
					t.Errorf("still open: %+v", left)
				}
			})
		})
	}
}

// A process that stops says nothing but the close frame, whatever the namespace.
func TestSocketStopIsSilent(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		s := w.openAs("alice", "a")
		w.s.RestartCleanly()
		s.closes(websocket.CloseNoStatusReceived)
		if len(s.frames) != 0 {
			t.Errorf("%q came before the end", <-s.frames)
		}
		again := w.openAs("alice", "a")
		again.silent()
	})
}

func TestSocketResetOverTCP(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+l.Addr().String()+socketURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	if n := s.DropSockets(EndReset); n != 1 {
		t.Errorf("%d dropped", n)
	}
	if _, err := conn.NetConn().Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), syscall.ECONNRESET.Error()) {
		t.Errorf("read: %v, want a reset", err)
	}
	_ = conn.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-served
}

func TestSocketStall(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		s := w.open()
		release := w.s.StallSockets()
		s.send(`42["ping"]`)
		s.silent()
		release()
		release()
		if f := s.next(); f != `42["pong"]` {
			t.Errorf("%q", f)
		}
		w.s.StallSockets() // for good: the server itself gives up
		s.follow(2*time.Minute, true)
		s.closes(websocket.CloseAbnormalClosure)
		e := w.s.Ledger().Sockets()[0]
		if e.Reason != "ping timeout" || e.Closed.Sub(e.Opened) != 45*time.Second || time.Since(e.Opened) != 75*time.Second {
			t.Errorf("cut after %v; the ledger says %+v", time.Since(e.Opened), e)
		}
	})
}

func TestSocketFaults(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		for _, c := range []struct {
			desc   string
			fault  Fault
			status int // of the handshake; 0: none
		}{
			{"gateway", Fault{Kind: Answer}, 502},
			{"portal", Fault{Kind: Portal}, 200},
			{"redirect", Fault{Kind: Redirect}, 302},
			{"reset", Fault{Kind: Refuse}, 0},
			{"lost", Fault{Kind: LoseAnswer}, 0},
			{"restart", Fault{Kind: Restart}, 0},
		} {
			c.fault.Path, c.fault.Times = "/socket.io", 1
			remove := w.s.Inject(c.fault)
			s := w.dial(socketURL)
			if s.err == nil || (s.answer == nil) != (c.status == 0) || (s.answer != nil && s.answer.StatusCode != c.status) {
				t.Errorf("%s: %v, %v", c.desc, s.answer, s.err)
			}
			remove()
		}
		if n := w.s.Ledger().SocketsOpened(); n != 0 {
			t.Errorf("%d opened", n)
		}
	})
	bubbled(t, Config{}, func(w *world) { // upgrades alone
		defer w.s.Inject(Fault{Kind: Answer, Path: "/socket.io", Upgrades: true})()
		p := w.poll()
		if s := w.dial(socketURL + p.query); s.answer == nil || s.answer.StatusCode != 502 {
			t.Errorf("upgrade: %v, %v", s.answer, s.err)
		}
		p.post("40")
		p.get()
	})
	bubbled(t, Config{}, func(w *world) {
		defer w.s.Inject(Fault{Kind: CutAfter, After: 7 * time.Second, Path: "/socket.io"})()
		s := w.dial(socketURL)
		if _, end := s.follow(time.Minute, true); end != 7*time.Second {
			t.Errorf("cut after %v", end)
		}
		s.closes(websocket.CloseAbnormalClosure)
		synctest.Wait()
		if e := w.s.Ledger().Entries()[0]; !e.Lost || e.Status != 101 || e.Bytes == 0 {
			t.Errorf("the ledger says %+v", e)
		}
	})
	bubbled(t, Config{}, func(w *world) {
		defer w.s.Inject(Fault{Kind: CutBytes, Bytes: 150, Path: "/socket.io"})()
		s := w.dial(socketURL)
		s.next()
		s.send("40", `42["ping"]`)
		s.next()
		s.closes(websocket.CloseAbnormalClosure)
	})
	bubbled(t, Config{}, func(w *world) {
		remove := w.s.Inject(Fault{Kind: Stall, Bytes: 60, Path: "/socket.io"})
		s := w.dial(socketURL)
		s.silent() // in the middle of a frame
		remove()
		if f := s.next(); !strings.HasPrefix(f, "0{") {
			t.Errorf("%q", f)
		}
	})
}

func TestSocketLedger(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		l := w.s.Ledger()
		count := func(all, alice, maxAll, maxAlice int, opened int64) {
			t.Helper()
			synctest.Wait()
			if a, b, c, d, e := len(l.OpenSockets("")), len(l.OpenSockets("Alice")), l.MaxSockets(""), l.MaxSockets("ALICE"),
				l.SocketsOpened(); a != all || b != alice || c != maxAll || d != maxAlice || e != opened {
				t.Errorf("open %d, of alice %d, at most %d, of alice %d, in all %d", a, b, c, d, e)
			}
		}
		count(0, 0, 0, 0, 0)
		one := w.openAs("alice", "a")
		count(1, 1, 1, 1, 1)
		two := w.open()
		count(2, 1, 2, 1, 2)
		token := w.loginAs("alice", "a").access
		two.auth(token)
		two.await("init")
		two.auth(token) // twice the same is once
		two.await("init")
		count(2, 2, 2, 2, 2)
		_ = one.conn.Close()
		count(1, 1, 2, 2, 2)
		two.auth(w.loginAs("bob", "b").access)
		two.await("init")
		count(1, 0, 2, 2, 2)
		if n := l.MaxSockets("bob"); n != 1 {
			t.Errorf("of bob %d", n)
		}
		two.send("41")
		count(1, 0, 2, 2, 2)
		auths := l.Sockets()[1].Auths
		if len(auths) != 3 || auths[0].User != "alice" || auths[0].Token != TokenID(token) || auths[0].TokenKind != TokenAccess ||
			!auths[2].OK || auths[2].User != "bob" {
			t.Errorf("authentications: %+v", auths)
		}
		w.s.Restart()
		again := w.openAs("alice", "a")
		count(1, 1, 2, 2, 3)
		again.auth("nonsense")
		again.await("auth_failed")
		if a := l.Sockets()[2].Auths[1]; a.OK || a.User != "" || a.TokenKind != TokenForeign {
			t.Errorf("a refused one: %+v", a)
		}
		count(1, 1, 2, 2, 3)
	})
}
