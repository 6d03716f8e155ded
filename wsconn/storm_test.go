package wsconn

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// Frames that stand still for long, with kicks and probes that make us leave: of
// our own connections there is one all the same.
func TestNeverTwoWhileStalled(t *testing.T) {
	bubbled(t, absfake.Config{}, func(t *testing.T, w *world) {
		s := w.upNow()
		for range 30 {
			release := w.abs.StallSockets()
			for range 40 {
				time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond)
				if rand.IntN(2) == 0 {
					s.Kick("link")
				} else {
					s.Probe(t.Context(), "link")
				}
			}
			release()
			w.await(s, Authenticated)
		}
		if _, most, dials := w.net.numbers(); most != 1 || dials < 60 {
			t.Errorf("%d connections at one time, %d dials", most, dials)
		}
		time.Sleep(time.Minute) // the server has found out
		if n := len(w.abs.Ledger().OpenSockets("")); n != 1 {
			t.Errorf("%d sockets in the end", n)
		}
	})
}

// A thousand faults, with kicks and probes between them, and never a second
// socket: neither one that the server counts nor one that we have open.
func TestNeverTwoSockets(t *testing.T) {
	const faults = 1000
	chance := rand.New(rand.NewPCG(7, 11))
	upgrade := func(f absfake.Fault) func(*world) func() {
		f.Upgrades, f.Times = true, 1
		return func(w *world) func() {
			undo := w.abs.Inject(f)
			w.abs.DropSockets(absfake.SocketEnd(chance.IntN(3)))
			return undo
		}
	}
	act := func(f func(*absfake.Server)) func(*world) func() {
		return func(w *world) func() { f(w.abs); return func() {} }
	}
	// A server whose frames stand still does not see us leave, and would count
	// two as soon as a kick or a probe makes us; so nothing disturbs the stalls.
	var calm chan struct{} // a lock on which the bubble can wait
	stall := func(until func(*Socket, *world)) func(*world) func() {
		return func(w *world) func() {
			calm <- struct{}{}
			release := w.abs.StallSockets()
			until(w.socket, w)
			return func() { release(); <-calm }
		}
	}
	kinds := []struct {
		name   string
		strike func(w *world) (undo func())
	}{
		{"closed", act(func(s *absfake.Server) { s.DropSockets(absfake.EndClean) })},
		{"cut", act(func(s *absfake.Server) { s.DropSockets(absfake.EndCut) })},
		{"reset", act(func(s *absfake.Server) { s.DropSockets(absfake.EndReset) })},
		{"killed", act((*absfake.Server).Restart)},
		{"stopped", act((*absfake.Server).RestartCleanly)},
		{"gateway", upgrade(absfake.Fault{Kind: absfake.Answer})},
		{"401", upgrade(absfake.Fault{Kind: absfake.Answer, Status: 401})},
		{"portal", upgrade(absfake.Fault{Kind: absfake.Portal})},
		{"redirect", upgrade(absfake.Fault{Kind: absfake.Redirect, Status: 301})},
		{"refused", upgrade(absfake.Fault{Kind: absfake.Refuse})},
		{"lost", upgrade(absfake.Fault{Kind: absfake.LoseAnswer})},
		{"slow upgrade", upgrade(absfake.Fault{Kind: absfake.Stall, After: 3 * time.Second})},
		{"hanging upgrade", upgrade(absfake.Fault{Kind: absfake.Stall, After: time.Hour})},
		{"cut in the open packet", upgrade(absfake.Fault{Kind: absfake.CutBytes, Bytes: 20})},
		{"cut after joining", upgrade(absfake.Fault{Kind: absfake.CutBytes, Bytes: 160})},
		{"cut soon", upgrade(absfake.Fault{Kind: absfake.CutAfter, After: time.Second})},
		{"slow line", upgrade(absfake.Fault{Kind: absfake.Rate, Bytes: 40})},
		{"killed in the upgrade", upgrade(absfake.Fault{Kind: absfake.Restart})},
		{"no heartbeat", stall(func(s *Socket, w *world) { w.await(s, Waiting) })},
		{"short stall", stall(func(*Socket, *world) { time.Sleep(3 * time.Second) })},
	}
	bubbled(t, absfake.Config{AccessTTL: time.Hour}, func(t *testing.T, w *world) {
		s := w.upNow()
		w.socket, calm = s, make(chan struct{}, 1)
		stop := make(chan struct{})
		disturbed := make(chan struct{})
		go func() { // the network's own events, at any moment
			defer close(disturbed)
			own := rand.New(rand.NewPCG(3, 5))
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(own.IntN(3000)) * time.Millisecond):
				}
				calm <- struct{}{}
				if own.IntN(2) == 0 {
					s.Kick("link")
				} else {
					s.Probe(t.Context(), "link")
				}
				<-calm
			}
		}()
		struck := map[string]int{}
		for i := range faults {
			k := kinds[chance.IntN(len(kinds))]
			struck[k.name]++
			undo := k.strike(w)
			time.Sleep(time.Duration(chance.IntN(2000)) * time.Millisecond)
			undo()
			w.await(s, Authenticated)
			if i%4 == 0 {
				time.Sleep(time.Duration(chance.IntN(120)) * time.Second)
			}
			if open := w.abs.Ledger().OpenSockets(""); len(open) > 1 {
				t.Fatalf("after %q the server has %d sockets open", k.name, len(open))
			}
		}
		close(stop)
		<-disturbed
		s.Close()
		synctest.Wait()
		_, most, dials := w.net.numbers()
		if most != 1 || dials < faults*3/4 {
			t.Errorf("%d connections of ours at one time, %d in all", most, dials)
		}
		if n := w.abs.Ledger().MaxSockets(""); n != 1 {
			t.Errorf("%d sockets at one time on the server", n)
		}
		for _, k := range kinds {
			if struck[k.name] < faults/len(kinds)/3 {
				t.Errorf("%q struck %d times only", k.name, struck[k.name])
			}
		}
		t.Logf("%d faults: %d dials, %d sockets opened, %d reconnects", faults, dials, w.abs.Ledger().SocketsOpened(), s.Snapshot().Reconnects)
	})
}
