package wsconn

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

func TestSocketComesUp(t *testing.T) {
	for _, base := range []string{"", "/audiobookshelf"} {
		for _, release := range absfake.Releases() {
			t.Run(string(release)+base, func(t *testing.T) {
				bubbled(t, absfake.Config{BasePath: base, Release: release}, func(t *testing.T, w *world) {
					kind := absfake.TokenAccess
					if release == absfake.R2251 {
						kind = absfake.TokenLegacy
					}
					comesUp(t, w, base+"/socket.io/", kind)
				})
			})
		}
	}
}

func comesUp(t *testing.T, w *world, path, kind string) {
	s := w.upNow()
	snap := s.Snapshot()
	if snap.Degraded() || snap.Reason != "" || snap.Reconnects != 0 || !snap.Since.Equal(time.Now()) {
		t.Errorf("%+v", snap)
	}
	open := w.abs.Ledger().OpenSockets("alice")
	if len(open) != 1 || open[0].Path != path || open[0].Transport != "websocket" ||
		len(open[0].Auths) != 1 || open[0].Auths[0].TokenKind != kind {
		t.Fatalf("the server sees %+v", open)
	}
	s.Close()
	synctest.Wait()
	closed := w.abs.Ledger().Sockets()[0]
	if closed.Closed.IsZero() || closed.Reason != "transport close" {
		t.Errorf("after Close the server sees %+v", closed)
	}
	if open, _, _ := w.net.numbers(); open != 0 || s.Snapshot().State != Off {
		t.Errorf("after Close: %d connections, %+v", open, s.Snapshot())
	}
	if got := w.log.count("\n"); got != 1 {
		t.Errorf("%d lines for one change:\n%s", got, w.log)
	}
}

// A silent day passes with answered heartbeats.
func TestSocketStaysUp(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		s := w.upNow()
		time.Sleep(24 * time.Hour)
		if snap := s.Snapshot(); snap.State != Authenticated || snap.Reconnects != 0 {
			t.Errorf("%+v", snap)
		}
		if n := w.abs.Ledger().SocketsOpened(); n != 1 {
			t.Errorf("%d sockets in a day", n)
		}
	})
}

// By the server's numbers a connection is dead after 45 s without a word; it is
// asked once more a little later.
func TestHeartbeatLoss(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		s := w.upNow()
		time.Sleep(30 * time.Second) // the last heartbeat was at 25 s
		release := w.abs.StallSockets()
		defer release()
		snap := w.await(s, Waiting)
		if lasted := snap.Since.Sub(w.abs.Ledger().Sockets()[0].Opened); lasted != 70*time.Second+idleSlack+activeDeadline {
			t.Errorf("given up after %v", lasted)
		}
		if !snap.Degraded() || snap.Reason != "no heartbeat of the server for 51s" {
			t.Errorf("%+v", snap)
		}
		release()
		if snap := w.await(s, Authenticated); snap.Reconnects != 1 || snap.Degraded() || snap.Reason == "" {
			t.Errorf("%+v", snap)
		}
	})
}

// Tokens end while a socket lives; a new connection must have a new one.
func TestFreshTokenOnEachConnect(t *testing.T) {
	bubbled(t, absfake.Config{AccessTTL: time.Hour}, func(t *testing.T, w *world) {
		s := w.upNow()
		for range 3 {
			time.Sleep(2 * time.Hour)
			w.abs.DropSockets(absfake.EndCut)
			w.await(s, Waiting)
			w.await(s, Authenticated)
		}
		seen := map[string]bool{}
		for _, e := range w.abs.Ledger().Sockets() {
			if len(e.Auths) != 1 || !e.Auths[0].OK || e.Auths[0].TokenKind != absfake.TokenAccess || seen[e.Auths[0].Token] {
				t.Errorf("%+v", e.Auths)
			}
			seen[e.Auths[0].Token] = true
		}
		if n := w.log.count("\n"); n != 7 { // up, and thrice down and up
			t.Errorf("%d lines:\n%s", n, w.log)
		}
		if len(seen) != 4 || w.tokens.suspects != 0 {
			t.Errorf("%d tokens, %d suspected", len(seen), w.tokens.suspects)
		}
	})
}

func TestAPIKeyHasNoSocket(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		root := w.post("/login", map[string]string{"username": "root", "password": "r"}, "x-return-tokens", "true")
		user := root["user"].(map[string]any)
		made := w.post("/api/api-keys", map[string]any{"name": "k", "userId": user["id"], "isActive": true},
			"Authorization", "Bearer "+user["accessToken"].(string))
		w.tokens.fixed = made["apiKey"].(map[string]any)["apiKey"].(string)
		s := w.start(w.config())
		synctest.Wait()
		time.Sleep(time.Hour)
		if snap := s.Snapshot(); snap.State != Off || snap.Reason != NoSocket || snap.Degraded() {
			t.Errorf("%+v", snap)
		}
		if w.tokens.asked != 1 || w.log.count("\n") != 1 {
			t.Errorf("asked %d times; log:\n%s", w.tokens.asked, w.log)
		}
		if n := w.abs.Ledger().SocketsOpened(); n != 0 {
			t.Errorf("%d sockets", n)
		}
		w.tokens.set(func() { w.tokens.fixed = "" }) // the user has signed in with a password
		s.Kick("signed in")
		w.await(s, Authenticated)
	})
}

func TestLegacyTokenHasASocket(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		me := w.ask("GET", "/api/me", nil, "Authorization", "Bearer "+w.tokens.access)
		w.tokens.fixed = me["token"].(string)
		w.upNow()
		if e := w.abs.Ledger().OpenSockets("alice"); len(e) != 1 || e[0].Auths[0].TokenKind != absfake.TokenLegacy {
			t.Errorf("%+v", e)
		}
	})
}

func TestNoTokenNoConnection(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		w.tokens.err = constError("signed out")
		s := w.start(w.config())
		snap := w.awaitThat(s, func(s Snapshot) bool { return s.Cause == CauseNoToken })
		time.Sleep(time.Hour)
		if _, _, dials := w.net.numbers(); dials != 0 || snap.Reason != "signed out" || snap.Degraded() || w.log.count("\n") != 1 {
			t.Errorf("%d dials, %+v, log:\n%s", dials, snap, w.log)
		}
		w.tokens.set(func() { w.tokens.err = nil })
		s.Kick("signed in")
		start := time.Now()
		if w.await(s, Authenticated); time.Since(start) > time.Second {
			t.Errorf("up %v after the kick", time.Since(start))
		}
	})
}
