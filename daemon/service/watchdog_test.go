package service

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/upstream"
)

func TestWatchdogFindsTheServerAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, err := absfake.New(absfake.Config{Large: 1 << 20})
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
		board := health.NewBoard()
		w := newWatchdog(up, board)
		ran := make(chan struct{})
		var backs atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		go func() { defer close(ran); w.run(ctx, up, func() { backs.Add(1) }) }()
		defer func() {
			cancel()
			<-ran
			up.Close()
			if err := fake.Close(); err != nil {
				t.Error(err)
			}
			<-served
		}()
		ask := func() error {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base.String()+"/ping", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := w.RoundTrip(r)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		}
		level := func() health.Level { v, _, _ := board.View(); return v.Level }

		if err := ask(); err != nil || level() != health.OK {
			t.Fatalf("while the server answers: %v, %v", err, level())
		}
		restore := fake.Inject(absfake.Fault{Kind: absfake.Refuse})
		if err := ask(); err == nil {
			t.Fatal("the fault does not strike")
		}
		time.Sleep(time.Minute) // nobody plays meanwhile
		if level() != health.Offline {
			t.Errorf("after a minute without the server: %v", level())
		}
		restore()
		time.Sleep(askMost * 2)
		if level() != health.OK || backs.Load() != 1 {
			t.Errorf("a minute after it came back: %v, woken %d times", level(), backs.Load())
		}
		// The live connection was lost, but the server is there.
		w.probe()
		time.Sleep(time.Minute)
		if level() != health.OK {
			t.Errorf("a probe of a server that is there: %v", level())
		}
		restore = fake.Inject(absfake.Fault{Kind: absfake.Refuse})
		w.probe() // and now it is not
		time.Sleep(time.Minute)
		if level() != health.Offline {
			t.Errorf("a probe of a server that is gone: %v", level())
		}
		restore()
		time.Sleep(askMost * 2)
		if level() != health.OK || backs.Load() != 2 {
			t.Errorf("back again: %v, woken %d times", level(), backs.Load())
		}
		before := len(fake.Ledger().Entries())
		time.Sleep(time.Hour)
		if after := len(fake.Ledger().Entries()); after != before {
			t.Errorf("%d requests while nothing was wrong", after-before)
		}
	})
}

// A watchdog that waits for its next question asks at once when it is woken,
// and does nothing while the server is not known to be down.
func TestWatchdogIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, err := absfake.New(absfake.Config{})
		if err != nil {
			t.Fatal(err)
		}
		listener := fake.Listen()
		base, _ := url.Parse("http://abs.test")
		up, err := upstream.New(upstream.Policy{Base: base, Dial: listener.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		w := newWatchdog(up, health.NewBoard())
		ctx, cancel := context.WithCancel(t.Context())
		ran, back := make(chan struct{}), make(chan struct{}, 1)
		go func() { defer close(ran); w.run(ctx, up, func() { back <- struct{}{} }) }()
		defer func() {
			cancel()
			<-ran
			up.Close()
			if err := fake.Close(); err != nil {
				t.Error(err)
			}
		}()
		asked := func() int {
			return fake.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/ping" })
		}
		w.wake()
		time.Sleep(time.Hour)
		if n := asked(); n != 0 {
			t.Errorf("asked %d times for nothing", n)
		}
		remove := fake.Inject(absfake.Fault{Kind: absfake.Refuse})
		w.markDown("cut")
		time.Sleep(time.Hour)
		synctest.Wait()
		remove()
		start := time.Now()
		w.wake()
		<-back
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
				fake, err := absfake.New(absfake.Config{})
				if err != nil {
					t.Fatal(err)
				}
				listener := fake.Listen()
				base, _ := url.Parse("http://abs.test")
				up, err := upstream.New(upstream.Policy{Base: base, Dial: listener.DialContext})
				if err != nil {
					t.Fatal(err)
				}
				w := newWatchdog(up, health.NewBoard())
				ctx, cancel := context.WithCancel(t.Context())
				ran, back := make(chan struct{}), make(chan struct{}, 8)
				go func() { defer close(ran); w.run(ctx, up, func() { back <- struct{}{} }) }()
				defer func() {
					cancel()
					<-ran
					up.Close()
					if err := fake.Close(); err != nil {
						t.Error(err)
					}
				}()
				ask := func(times int) {
					for range times {
						w.refused()
						time.Sleep(200 * time.Millisecond)
					}
				}
				remove := fake.Inject(absfake.Fault{Kind: absfake.Refuse})
				if c.known {
					w.markDown("cut")
				}
				time.Sleep(10 * time.Minute)
				ask(1)
				time.Sleep(3 * time.Second)
				if !w.isDown() {
					t.Fatal("the watchdog does not know that the server is gone")
				}
				before := fake.Ledger().Count(func(e absfake.Entry) bool { return true })
				ask(100) // 20 s
				if n := fake.Ledger().Count(func(e absfake.Entry) bool { return true }) - before; n < 5 || n > 11 {
					t.Errorf("asked %d times in 20 s", n)
				}
				time.Sleep(10 * time.Minute)
				remove()
				start := time.Now()
				for len(back) == 0 && time.Since(start) < time.Minute {
					ask(1)
				}
				if took := time.Since(start); took > refusedApart+300*time.Millisecond {
					t.Errorf("back after %v", took)
				}
				// The server answers and requests are still refused: the session
				// has another reason, and is not woken each time.
				for len(back) > 0 {
					<-back
				}
				ask(5 * 60 * 3) // 3 minutes
				if n := len(back); n > 4 {
					t.Errorf("woken %d times in three minutes", n)
				}
			})
		})
	}
}
