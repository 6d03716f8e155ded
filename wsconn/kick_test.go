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

// A handoff is a burst of events; it must not keep the socket from connecting.
func TestKicksInABurst(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
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
		if snap := s.Snapshot(); snap.State != Authenticated || snap.Reconnects != 0 || time.Since(start) > 11*time.Second {
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
		if w.await(s, Authenticated); time.Since(start) > probeDeadline+time.Second {
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

// Full jitter: anything from at once to twice the mean, the mean doubling.
func TestBackoff(t *testing.T) {
	const runs = 2000
	for step, mean := 0, pauseFirst; step < 10; step, mean = step+1, min(2*mean, pauseMost) {
		var sum, least, most time.Duration = 0, time.Hour, 0
		for range runs {
			b := newBackoff()
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
