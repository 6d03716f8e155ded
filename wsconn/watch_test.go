package wsconn

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// A router that silently drops everything raises no event. While players are
// active it is noticed within 12 s, otherwise within 56.
func TestBlackhole(t *testing.T) {
	for _, c := range []struct {
		active  bool
		noticed time.Duration
	}{{true, 12 * time.Second}, {false, 56 * time.Second}} {
		for _, after := range []int{0, 7, 14, 16, 24} { // between two heartbeats
			t.Run(fmt.Sprintf("active %v, %d s", c.active, after), func(t *testing.T) {
				bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
					cfg := w.config()
					cfg.Watch.Active = func() bool { return c.active }
					s := w.start(cfg)
					w.await(s, Authenticated)
					time.Sleep(time.Minute + time.Duration(after)*time.Second)
					if n := s.Snapshot().Reconnects; n != 0 {
						t.Fatalf("%d reconnects with nothing wrong", n)
					}
					defer w.abs.StallSockets()()
					start := time.Now()
					if snap := w.await(s, Waiting); time.Since(start) > c.noticed || !snap.Degraded() {
						t.Errorf("after %v: %+v", time.Since(start), snap)
					}
				})
			})
		}
	}
}

// While something is being sent to a player a silent router is suspected within five
// seconds, and the connection is left to the judgement of others for as long as before.
// A server that answers is never suspected, whatever it has to say.
func TestSuspicion(t *testing.T) {
	for _, underWay := range []bool{true, false} {
		t.Run(fmt.Sprintf("under way %v", underWay), func(t *testing.T) {
			bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
				suspected := make(chan struct{}, 100)
				cfg := w.config()
				cfg.Watch = Watch{
					Active: func() bool { return true }, UnderWay: func() bool { return underWay },
					Suspect: func() bool { suspected <- struct{}{}; return false },
				}
				s := w.start(cfg)
				w.await(s, Authenticated)
				time.Sleep(10 * time.Minute)
				if n := len(suspected); n != 0 {
					t.Fatalf("suspected %d times with nothing wrong", n)
				}
				defer w.abs.StallSockets()()
				start := time.Now()
				w.await(s, Waiting)
				if lasted := time.Since(start); lasted < activeSilence || lasted > 12*time.Second {
					t.Errorf("given up after %v", lasted)
				}
				if n := len(suspected); underWay && n != 2 || !underWay && n != 1 {
					t.Errorf("suspected %d times", n)
				}
			})
		})
	}
}

// Where somebody else finds out what a silence means, the connection is left to him until
// the server's heartbeat is missing, and goes on when the silence was none.
func TestSilenceLeftToOthers(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		var asked atomic.Int32
		cfg := w.config()
		cfg.Watch = Watch{Active: func() bool { return true }, Suspect: func() bool { asked.Add(1); return true }}
		s := w.start(cfg)
		w.await(s, Authenticated)
		for range 3 {
			release := w.abs.StallSockets()
			time.Sleep(15 * time.Second)
			release()
			time.Sleep(time.Minute)
		}
		if snap := s.Snapshot(); snap.Reconnects != 0 || asked.Load() < 1 {
			t.Errorf("asked %d times: %+v", asked.Load(), snap)
		}
		defer w.abs.StallSockets()()
		start := time.Now()
		w.await(s, Waiting)
		if lasted := time.Since(start); lasted > time.Minute {
			t.Errorf("given up after %v", lasted)
		}
	})
}

// The suspicion comes soon, also where round trips are long.
func TestSuspicionComesSoon(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		suspected := make(chan time.Time, 100)
		cfg := w.config()
		cfg.Watch = Watch{
			Active: func() bool { return true }, UnderWay: func() bool { return true },
			Suspect: func() bool { suspected <- time.Now(); return true },
		}
		s := w.start(cfg)
		w.await(s, Authenticated)
		time.Sleep(time.Minute)
		defer w.abs.StallSockets()()
		start := time.Now()
		if lasted := (<-suspected).Sub(start); lasted > suspectSilence+latest {
			t.Errorf("after %v", lasted)
		}
	})
}

// Activity that begins shortens the patience at once.
func TestStir(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		active := make(chan bool, 1)
		active <- false
		cfg := w.config()
		cfg.Watch.Active = func() bool { a := <-active; active <- a; return a }
		s := w.start(cfg)
		w.await(s, Authenticated)
		time.Sleep(time.Minute) // its heartbeats came after 25 and 50 s
		defer w.abs.StallSockets()()
		<-active
		active <- true
		start := time.Now()
		s.PlayersActive()
		if w.await(s, Waiting); time.Since(start) > activeDeadline {
			t.Errorf("noticed after %v", time.Since(start))
		}
	})
}

// An event makes it ask, whoever tells does not wait, and a good connection
// stays.
func TestCheck(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		s := w.upNow()
		for range 100 {
			s.Check("link up")
			time.Sleep(10 * time.Millisecond)
		}
		if snap := s.Snapshot(); snap.Reconnects != 0 || snap.State != Authenticated {
			t.Fatalf("%+v", snap)
		}
		release := w.abs.StallSockets()
		start := time.Now()
		s.Check("link up")
		if time.Since(start) != 0 {
			t.Error("it waited")
		}
		w.await(s, Waiting)
		release()
		if w.await(s, Authenticated); time.Since(start) > probeDeadline+betweenConnections+10*time.Millisecond {
			t.Errorf("up again after %v", time.Since(start))
		}
		if n := w.abs.Ledger().MaxSockets(""); n != 1 {
			t.Errorf("%d sockets at one time", n)
		}
	})
}

// An event is sent over a silent connection only after a probe.
func TestEmitOverAStaleConnection(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		s := w.upNow()
		frame := []byte(`42["ping"]`)
		time.Sleep(time.Minute)
		if !s.Emit(t.Context(), frame) {
			t.Error("a good connection does not take it")
		}
		synctest.Wait()
		received := w.abs.Ledger().Sockets()[0].Received
		time.Sleep(stale + time.Second)
		defer w.abs.StallSockets()()
		if s.Emit(t.Context(), frame) {
			t.Error("it went into a dead connection")
		}
		if n := w.abs.Ledger().Sockets()[0].Received; n != received {
			t.Errorf("%d events", n)
		}
		w.await(s, Waiting)
		if s.Emit(t.Context(), frame) {
			t.Error("it went nowhere")
		}
	})
}

// A gateway that ends every connection after a while is a rule
// and no failure. A real loss in between is one.
func TestHabit(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		remove := w.abs.Inject(absfake.Fault{Kind: absfake.CutAfter, Upgrades: true, After: 118 * time.Second})
		s := w.upNow()
		time.Sleep(10 * time.Minute)
		if p := s.Snapshot().Period; p < 115*time.Second || p > 120*time.Second {
			t.Fatalf("learnt %v", p)
		}
		troubles, reconnects := 0, s.Snapshot().Reconnects
		until := time.After(time.Hour)
		for over := false; !over; {
			changed := s.Changed()
			if s.Snapshot().Degraded() {
				troubles++
			}
			select {
			case <-changed:
			case <-until:
				over = true
			}
		}
		if n := s.Snapshot().Reconnects - reconnects; troubles > 0 || n < 30 || n > 31 {
			t.Errorf("%d troubles, %d reconnects in an hour", troubles, n)
		}
		if n := w.abs.Ledger().MaxSockets(""); n != 1 {
			t.Errorf("%d sockets at one time", n)
		}
		remove()
		time.Sleep(5 * time.Minute)
		w.abs.DropSockets(absfake.EndCut)
		w.awaitThat(s, Snapshot.Degraded)
	})
}

func TestHabitLearns(t *testing.T) {
	s := time.Second
	for _, c := range []struct {
		desc   string
		lives  []time.Duration
		period time.Duration
		last   bool // whether the last end was expected
	}{
		{"nothing", []time.Duration{118 * s}, 0, false},
		{"two", []time.Duration{118 * s, 118 * s}, 0, false},
		{"three", []time.Duration{118 * s, 119 * s, 117 * s}, 118 * s, false},
		{"the fourth", []time.Duration{118 * s, 119 * s, 117 * s, 118 * s}, 118 * s, true},
		{"an accident between", []time.Duration{118 * s, 118 * s, 118 * s, 40 * s}, 0, false},
		{"the rule after it", []time.Duration{118 * s, 118 * s, 40 * s, 118 * s, 118 * s, 118 * s, 118 * s}, 118 * s, true},
		{"too short for a rule", []time.Duration{5 * s, 5 * s, 5 * s, 5 * s}, 0, false},
		{"all different", []time.Duration{30 * s, 90 * s, 200 * s, 31 * s}, 0, false},
	} {
		var h cutPeriod
		expected := false
		for _, l := range c.lives {
			expected = h.end(l)
		}
		if short := h.short(); (short == 5*s) != (c.desc == "too short for a rule") || short != 0 && short != 5*s {
			t.Errorf("%s: cut after %v each time", c.desc, short)
		}
		if h.period() != c.period || expected != c.last {
			t.Errorf("%s: %v, expected %v", c.desc, h.period(), expected)
		}
	}
}

// A server that restarts is found within five seconds of its return, and one
// that is gone for days is not asked all the time.
func TestRestart(t *testing.T) {
	var worst time.Duration
	for away := range 20 {
		bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
			s := w.upNow()
			time.Sleep(time.Minute)
			remove := w.abs.Inject(absfake.Fault{Kind: absfake.Refuse, Upgrades: true})
			w.abs.DropSockets(absfake.EndCut)
			time.Sleep(time.Duration(10+away) * time.Second)
			remove()
			start := time.Now()
			w.await(s, Authenticated)
			worst = max(worst, time.Since(start))
		})
	}
	if worst > 2*longestPause+betweenConnections {
		t.Errorf("back after %v", worst)
	}
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		s := w.upNow()
		time.Sleep(time.Minute)
		defer w.abs.Inject(absfake.Fault{Kind: absfake.Refuse, Upgrades: true})()
		w.abs.DropSockets(absfake.EndCut)
		time.Sleep(time.Hour)
		w.await(s, Waiting)
		_, _, before := w.net.numbers()
		time.Sleep(10 * time.Hour)
		if _, _, after := w.net.numbers(); after-before > 900 {
			t.Errorf("%d tries in ten hours", after-before)
		}
	})
}
