package service

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/upstream"
)

// watchdogRig is a watchdog that runs, and its server, in a bubble.
type watchdogRig struct {
	*watchdog
	fake  *absfake.Server
	board *health.Board
	back  chan struct{} // one for each time that the server was found again
}

func newWatchdogRig(t *testing.T) *watchdogRig {
	t.Helper()
	fake, err := absfake.New(absfake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	listener := fake.Listen()
	served := make(chan error, 1)
	go func() { served <- fake.Serve(listener) }()
	base, _ := url.Parse("http://abs.test")
	up, err := upstream.New(upstream.Policy{Base: base, Dial: listener.DialContext})
	if err != nil {
		t.Fatal(err)
	}
	r := &watchdogRig{fake: fake, board: health.NewBoard(), back: make(chan struct{}, 64)}
	r.watchdog = newWatchdog(up, r.board)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); r.run(ctx, up, func() { r.back <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		<-ran
		up.Close()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return r
}

func (r *watchdogRig) level() health.Level { v, _, _ := r.board.View(); return v.Level }

func (r *watchdogRig) gone() (back func()) { return r.fake.Inject(absfake.Fault{Kind: absfake.Refuse}) }

func (r *watchdogRig) asked() int { return len(r.fake.Ledger().Entries()) }

func TestWatchdogFindsTheServerAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatchdogRig(t)
		ask := func() error {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://abs.test/ping", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := w.RoundTrip(r)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		}

		if err := ask(); err != nil || w.level() != health.OK {
			t.Fatalf("while the server answers: %v, %v", err, w.level())
		}
		restore := w.gone()
		if err := ask(); err == nil {
			t.Fatal("the fault does not strike")
		}
		time.Sleep(time.Minute) // nobody plays meanwhile
		if w.level() != health.Offline {
			t.Errorf("after a minute without the server: %v", w.level())
		}
		restore()
		time.Sleep(askMost * 2)
		if w.level() != health.OK || len(w.back) != 1 {
			t.Errorf("a minute after it came back: %v, woken %d times", w.level(), len(w.back))
		}
		// The live connection was lost, but the server is there.
		w.probe()
		time.Sleep(time.Minute)
		if w.level() != health.OK {
			t.Errorf("a probe of a server that is there: %v", w.level())
		}
		restore = w.gone()
		w.probe() // and now it is not
		time.Sleep(time.Minute)
		if w.level() != health.Offline {
			t.Errorf("a probe of a server that is gone: %v", w.level())
		}
		restore()
		time.Sleep(askMost * 2)
		if w.level() != health.OK || len(w.back) != 2 {
			t.Errorf("back again: %v, woken %d times", w.level(), len(w.back))
		}
		before := w.asked()
		time.Sleep(time.Hour)
		if after := w.asked(); after != before {
			t.Errorf("%d requests while nothing was wrong", after-before)
		}
	})
}

// A watchdog that waits for its next question asks at once when it is woken,
// and does nothing while the server is not known to be down.
func TestWatchdogIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatchdogRig(t)
		w.wake()
		time.Sleep(time.Hour)
		if n := w.asked(); n != 0 {
			t.Errorf("asked %d times for nothing", n)
		}
		remove := w.gone()
		w.markDown(silent, absapi.Obstacle{Evidence: "cut"})
		time.Sleep(time.Hour)
		synctest.Wait()
		remove()
		start := time.Now()
		w.wake()
		<-w.back
		if took := time.Since(start); took > time.Second {
			t.Errorf("back after %v", took)
		}
	})
}

// A player that asks again and again is served within two seconds after the
// server is back, however long the watchdog would have waited, and the server
// is asked no more often than that.
func TestRefusedRequestsWakeTheWatchdog(t *testing.T) {
	for _, c := range []struct {
		desc  string
		known bool // the watchdog has seen the outage itself
	}{{"an outage that a player met", true}, {"an outage that the session met", false}} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatchdogRig(t)
				ask := func(times int) {
					for range times {
						w.refused()
						time.Sleep(200 * time.Millisecond)
					}
				}
				remove := w.gone()
				if c.known {
					w.markDown(silent, absapi.Obstacle{Evidence: "cut"})
				}
				time.Sleep(10 * time.Minute)
				ask(1)
				time.Sleep(3 * time.Second)
				if !w.isDown() {
					t.Fatal("the watchdog does not know that the server is gone")
				}
				before := w.asked()
				ask(100) // 20 s
				if n := w.asked() - before; n < 5 || n > 11 {
					t.Errorf("asked %d times in 20 s", n)
				}
				time.Sleep(10 * time.Minute)
				remove()
				start := time.Now()
				for len(w.back) == 0 && time.Since(start) < time.Minute {
					ask(1)
				}
				if took := time.Since(start); took > refusedApart+300*time.Millisecond {
					t.Errorf("back after %v", took)
				}
				// The server answers and requests are still refused: the session
				// has another reason, and is not woken each time.
				for len(w.back) > 0 {
					<-w.back
				}
				ask(5 * 60 * 3) // 3 minutes
				if n := len(w.back); n > 4 {
					t.Errorf("woken %d times in three minutes", n)
				}
			})
		})
	}
}
