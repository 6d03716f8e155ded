package wsconn

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
)

// A token that the server refuses is told to the session once, and the new one
// is tried on the same connection.
func TestAuthFailedThenFresh(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		w.tokens.access = w.tokens.access[:len(w.tokens.access)-4] + "AAAA" // as after a change that the session has missed
		s := w.upNow()
		if n := w.abs.Ledger().SocketsOpened(); n != 1 || w.tokens.suspects != 1 || s.Snapshot().Reason != "" {
			t.Errorf("%d sockets, %d suspicions, %+v", n, w.tokens.suspects, s.Snapshot())
		}
		auths := w.abs.Ledger().OpenSockets("alice")[0].Auths
		if len(auths) != 2 || auths[0].OK || !auths[1].OK {
			t.Errorf("%+v", auths)
		}
	})
}

// A server that refuses fresh tokens too gets no refresh for each try.
func TestAuthFailedForGood(t *testing.T) {
	bubbled(t, absfake.Config{AccessTTL: 12 * time.Hour}, func(t *testing.T, w *world) {
		real := w.tokens.access
		bad := real[:len(real)-4] + "AAAA"
		w.tokens.fixed = bad
		s := w.start(w.config())
		snap := w.awaitThat(s, Snapshot.Degraded)
		if snap.Cause != CauseRefused || snap.Reason != "the server refused the token on the live socket: Invalid token" {
			t.Errorf("%+v", snap)
		}
		time.Sleep(time.Hour)
		sockets := w.abs.Ledger().Sockets()
		for i, e := range sockets {
			if want := 1 + btoi(i == 0); len(e.Auths) != want {
				t.Errorf("socket %d: %d tries, want %d", i, len(e.Auths), want)
			}
		}
		if n := len(sockets); w.tokens.suspects != 1 || n < 30 || n > 120 || w.abs.Ledger().MaxSockets("") != 1 {
			t.Errorf("%d suspicions, %d sockets in an hour", w.tokens.suspects, n)
		}
		if w.log.count("\n") != 1 || strings.Contains(w.log.String(), bad[:20]) {
			t.Errorf("log:\n%s", w.log)
		}
		w.tokens.set(func() { w.tokens.fixed = "" })
		s.Kick("renewed")
		w.await(s, Authenticated)
		// It was up: a new refusal is told again.
		w.tokens.set(func() { w.tokens.access = bad })
		w.abs.DropSockets(absfake.EndCut)
		w.await(s, Waiting)
		w.await(s, Authenticated)
		if w.tokens.suspects != 2 {
			t.Errorf("%d suspicions", w.tokens.suspects)
		}
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A disabled user's session cannot be renewed; the socket says both.
func TestAuthFailedAndNoOther(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		root := w.post("/login", map[string]string{"username": "root", "password": "r"}, "x-return-tokens", "true")["user"].(map[string]any)
		parsed := w.ask("GET", "/api/me", nil, "Authorization", "Bearer "+w.tokens.access)
		disabled := w.ask("PATCH", "/api/users/"+parsed["id"].(string), map[string]any{"isActive": false},
			"Authorization", "Bearer "+root["accessToken"].(string))
		if disabled == nil {
			t.Fatal("not disabled")
		}
		s := w.start(w.config())
		snap := w.awaitThat(s, Snapshot.Degraded)
		if snap.Cause != CauseRefused || !strings.Contains(snap.Reason, "Invalid user") || !strings.Contains(snap.Reason, string(errNoRefresh)) {
			t.Errorf("%+v", snap)
		}
	})
}

// A refusal on the socket is no proof against a token without a successor.
func TestLegacyTokenIsNotSuspected(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		legacy := w.ask("GET", "/api/me", nil, "Authorization", "Bearer "+w.tokens.access)["token"].(string)
		w.tokens.fixed = legacy[:len(legacy)-4] + "AAAA"
		s := w.start(w.config())
		if snap := w.awaitThat(s, Snapshot.Degraded); snap.Cause != CauseRefused || w.tokens.suspects != 0 {
			t.Errorf("%+v, %d suspicions", snap, w.tokens.suspects)
		}
	})
}

// While the session renews, the connection waits, but not beyond the server's
// patience.
func TestSlowToken(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		gate := make(chan struct{})
		w.tokens.gate = gate
		s := w.start(w.config())
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if _, _, dials := w.net.numbers(); dials != 0 || s.Snapshot().State != Waiting {
			t.Errorf("%d dials, %+v", dials, s.Snapshot())
		}
		close(gate)
		w.await(s, Authenticated)
	})
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		w.tokens.gate = make(chan struct{})
		s := w.start(w.config())
		start := time.Now()
		snap := w.awaitThat(s, func(s Snapshot) bool { return s.Cause == CauseNoToken })
		if time.Since(start) != tokenDeadline {
			t.Errorf("%+v after %v", snap, time.Since(start))
		}
	})
}

func TestEventsArrive(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		got := make(chan Event, 100)
		cfg := w.config()
		cfg.Events = func(e Event) { got <- e }
		s := w.start(cfg)
		w.await(s, Authenticated)
		if e := <-got; e.Name != "init" {
			t.Fatalf("first came %v", e)
		}
		item := w.abs.Library().Items[0].ID
		w.ask("PATCH", "/api/me/progress/"+item, map[string]any{"currentTime": 12, "duration": 100}, "Authorization", "Bearer "+w.tokens.access)
		e := <-got
		var user struct{ Token, Username string }
		if e.Name != "user_updated" || !e.First(&user) || user.Username != "alice" || user.Token == "" {
			t.Errorf("%v: %+v", e, redact.New(user.Token))
		}
		if s.Snapshot().Dropped != 0 || w.log.count(user.Token) != 0 {
			t.Errorf("%+v; log:\n%s", s.Snapshot(), w.log)
		}
	})
}
