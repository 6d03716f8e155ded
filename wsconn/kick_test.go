package wsconn

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

func TestKickEndsThePause(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		remove := w.abs.Inject(absfake.Fault{Kind: absfake.Answer, Upgrades: true})
		s := w.start(w.config())
		time.Sleep(3 * time.Hour)
		w.await(s, Waiting)
		synctest.Wait()
		remove()
		start := time.Now()
		s.Kick("link up")
		if w.await(s, Authenticated); time.Since(start) > time.Second {
			t.Errorf("up %v after the kick", time.Since(start))
		}
	})
}

// A kick that helps nothing still begins the back-off anew: what is up for the
// first time is often not yet whole.
func TestKickResetsTheBackoff(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		defer w.abs.Inject(absfake.Fault{Kind: absfake.Answer, Upgrades: true})()
		s := w.start(w.config())
		time.Sleep(3 * time.Hour)
		w.await(s, Waiting)
		synctest.Wait()
		_, _, before := w.net.numbers()
		s.Kick("link up")
		time.Sleep(9 * time.Second) // pauses of at most 1, 2 and 4 s lie in it, and their breathers
		if _, _, after := w.net.numbers(); after-before < 4 {
			t.Errorf("%d tries in 9 s", after-before)
		}
	})
}

// A kick counts for the attempt that it found waiting, and for no later one.
func TestKickIsNotKept(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		w.tokens.gate = make(chan struct{})
		s := w.start(w.config())
		synctest.Wait()
		s.Kick("link up")
		close(w.tokens.gate)
		w.await(s, Authenticated)
		if len(s.kicked) != 0 {
			t.Error("the next pause would be left out")
		}
	})
}

// A dial into a network that is gone would take its whole deadline.
func TestKickBeginsAnewWhatHangs(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		remove := w.abs.Inject(absfake.Fault{Kind: absfake.Stall, Upgrades: true, Times: 1})
		defer remove()
		s := w.start(w.config())
		w.await(s, Connecting)
		time.Sleep(3 * time.Second)
		start := time.Now()
		s.Kick("link up")
		snap := w.await(s, Authenticated)
		if took := time.Since(start); took > time.Second || snap.Reason != "" {
			t.Errorf("%+v after %v", snap, took)
		}
		if _, most, dials := w.net.numbers(); most != 1 || dials != 2 {
			t.Errorf("%d dials, %d at one time", dials, most)
		}
	})
}

// An attempt that began a moment too early, on a network that was not yet
// whole, is begun anew although the event found it young.
func TestKickRemembersAYoungAttempt(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		remove := w.abs.Inject(absfake.Fault{Kind: absfake.Stall, Upgrades: true, Times: 1})
		defer remove()
		s := w.start(w.config())
		w.await(s, Connecting)
		time.Sleep(300 * time.Millisecond)
		s.Kick("link up")
		start := time.Now()
		if w.await(s, Authenticated); time.Since(start) > abortAfter+betweenConnections {
			t.Errorf("up after %v", time.Since(start))
		}
	})
}

// A handoff is a burst of events; it must not keep the socket from connecting.
func TestKicksInABurst(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		// Slower than the kicks.
		defer w.abs.Inject(absfake.Fault{Kind: absfake.Stall, Upgrades: true, After: 700 * time.Millisecond})()
		s := w.start(w.config())
		stop := make(chan struct{})
		kicking := make(chan struct{})
		go func() {
			defer close(kicking)
			for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
				select {
				case <-stop:
					tick.Stop()
					return
				default:
					s.Kick("link")
				}
			}
		}()
		start := time.Now()
		w.await(s, Authenticated)
		time.Sleep(10 * time.Second)
		close(stop)
		<-kicking
		if snap := s.Snapshot(); snap.State != Authenticated || snap.Reconnects != 0 || time.Since(start) > 10*time.Second+800*time.Millisecond {
			t.Errorf("%+v", snap)
		}
	})
}

func TestProbe(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		s := w.upNow()
		time.Sleep(time.Minute)
		start := time.Now()
		if !s.Probe(t.Context(), "link") || time.Since(start) != 0 || s.Snapshot().Reconnects != 0 {
			t.Fatalf("a good connection: %+v after %v", s.Snapshot(), time.Since(start))
		}
		release := w.abs.StallSockets()
		if s.Probe(t.Context(), "link") || time.Since(start) != probeDeadline {
			t.Errorf("a dead connection answers, or after %v", time.Since(start))
		}
		release()
		if snap := w.await(s, Waiting); snap.Reason != errProbe.Evidence || !snap.Degraded() {
			t.Errorf("%+v", snap)
		}
		if w.await(s, Authenticated); time.Since(start) > probeDeadline+betweenConnections+10*time.Millisecond {
			t.Errorf("up again after %v", time.Since(start))
		}
		if n := w.abs.Ledger().MaxSockets(""); n != 1 {
			t.Errorf("%d sockets at one time", n)
		}
		if _, most, _ := w.net.numbers(); most != 1 {
			t.Errorf("%d connections at one time", most)
		}
		// Several at once ask about one connection.
		results := make(chan bool)
		for range 5 {
			go func() { results <- s.Probe(t.Context(), "link") }()
		}
		for range 5 {
			if !<-results {
				t.Error("a good connection does not answer")
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		stalled := w.abs.StallSockets()
		defer stalled()
		if s.Probe(gone, "link") {
			t.Error("answered without a network")
		}
	})
}

func TestProbeWithoutConnectionKicks(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		remove := w.abs.Inject(absfake.Fault{Kind: absfake.Answer, Upgrades: true})
		s := w.start(w.config())
		time.Sleep(3 * time.Hour)
		w.await(s, Waiting)
		synctest.Wait()
		remove()
		start := time.Now()
		if s.Probe(t.Context(), "woke up") {
			t.Error("nothing can answer")
		}
		if w.await(s, Authenticated); time.Since(start) > time.Second {
			t.Errorf("up %v after the probe", time.Since(start))
		}
	})
}

// Full jitter: from zero to twice the mean, and the mean doubles.
func TestBackoff(t *testing.T) {
	t.Run("fresh", func(t *testing.T) { testBackoff(t, longestPause) })
	t.Run("late", func(t *testing.T) { testBackoff(t, latePause) })
}

func testBackoff(t *testing.T, longest time.Duration) {
	const runs = 2000
	for step, mean := 0, firstPause; step < 10; step, mean = step+1, min(2*mean, longest) {
		var sum, least, most time.Duration = 0, time.Hour, 0
		for range runs {
			b := newBackoff(longest)
			for range step {
				b.NextBackOff()
			}
			d := b.NextBackOff()
			sum, least, most = sum+d, min(least, d), max(most, d)
		}
		got := sum / runs
		if most > 2*mean+1 || most < 2*mean*98/100 || least > mean*4/100 || got < mean*9/10 || got > mean*11/10 {
			t.Errorf("pause %d: %v to %v, mean %v, want 0 to %v", step, least, most, got, 2*mean)
		}
	}
}
