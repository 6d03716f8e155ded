package wsconn

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// Close waits for everything, in whatever phase it comes, and is quick about it.
func TestCloseInEachPhase(t *testing.T) {
	for _, c := range []struct {
		desc   string
		before func(w *world) (undo func())
		state  State
		within time.Duration
	}{
		{"waits for a token", func(w *world) func() { w.tokens.gate = make(chan struct{}); return func() {} }, Waiting, 0},
		{"pauses", func(w *world) func() { w.tokens.err = errNoRefresh; return func() {} }, Waiting, 0},
		{"has no socket", func(w *world) func() { w.tokens.fixed = apiKey; return func() {} }, Off, 0},
		{"waits for the upgrade", func(w *world) func() {
			return w.abs.Inject(absfake.Fault{Kind: absfake.Stall, Upgrades: true})
		}, Connecting, 0},
		{"waits for the open packet", func(w *world) func() { return w.abs.StallSockets() }, Connecting, closeGrace},
		{"waits for the answer to auth", func(w *world) func() {
			// The open packet and the namespace's answer pass, init does not.
			return w.abs.Inject(absfake.Fault{Kind: absfake.Stall, Upgrades: true, Bytes: 150})
		}, Connected, closeGrace},
		{"is authenticated", func(w *world) func() { return func() {} }, Authenticated, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
				undo := c.before(w)
				s := w.start(w.config())
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if snap := s.Snapshot(); snap.State != c.state {
					t.Fatalf("%+v", snap)
				}
				start := time.Now()
				s.Close()
				if took := time.Since(start); took > c.within {
					t.Errorf("Close took %v", took)
				}
				if open, _, _ := w.net.numbers(); open != 0 || s.Snapshot().State != Off {
					t.Errorf("%d connections, %+v", open, s.Snapshot())
				}
				s.Close()
				s.Kick("too late")
				if s.Probe(t.Context(), "too late") {
					t.Error("something answers after Close")
				}
				undo()
				synctest.Wait()
				if n := len(w.abs.Ledger().OpenSockets("")); n != 0 {
					t.Errorf("the server keeps %d", n)
				}
			})
		})
	}
}

// apiKey is a key of no server: {"keyId":"k","name":"n","type":"api","iat":1}.
const apiKey = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJrZXlJZCI6ImsiLCJuYW1lIjoibiIsInR5cGUiOiJhcGkiLCJpYXQiOjF9.c2ln"

func TestCloseWithoutStart(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		s := New(w.config())
		s.Kick("not yet")
		s.Close()
		s.Start()
		synctest.Wait()
		if s.Snapshot().State != Off || w.tokens.asked != 0 {
			t.Errorf("%+v", s.Snapshot())
		}
	})
}

// A consumer that hangs stops Close, but not the heartbeat.
func TestSlowConsumer(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		gate := make(chan struct{})
		cfg := w.config()
		cfg.Events = func(Event) { <-gate }
		s := w.start(cfg)
		w.await(s, Authenticated)
		item := w.abs.Library().Items[0].ID
		for i := range 2*queueEvents + 1 {
			w.ask("PATCH", "/api/me/progress/"+item, map[string]any{"currentTime": i}, "Authorization", "Bearer "+w.tokens.access)
		}
		time.Sleep(10 * time.Minute)
		if snap := s.Snapshot(); snap.State != Authenticated || snap.Reconnects != 0 || snap.Dropped != queueEvents+1 {
			t.Errorf("%+v", snap)
		}
		closed := make(chan struct{})
		go func() { s.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close did not wait for the consumer")
		default:
		}
		close(gate)
		<-closed
	})
}

func TestQueueBytes(t *testing.T) {
	q := newQueue(func(Event) {})
	big := Event{Name: "big", Args: make([]byte, queueBytes+1)}
	q.push(Event{Name: "old", Args: []byte("[]")})
	q.push(big)
	if len(q.list) != 1 || q.list[0].Name != "big" || q.lost() != 1 {
		t.Errorf("%v, %d lost", q.list, q.lost())
	}
	q.push(Event{Name: "new", Args: []byte("[]")})
	if len(q.list) != 1 || q.list[0].Name != "new" || q.bytes != 2 || q.lost() != 2 {
		t.Errorf("%v, %d bytes, %d lost", q.list, q.bytes, q.lost())
	}
	if e, ok := q.next(); !ok || e.Name != "new" || q.bytes != 0 {
		t.Errorf("%v %v", e, ok)
	}
	if _, ok := q.next(); ok {
		t.Error("something left")
	}
}
