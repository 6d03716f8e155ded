package players

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A crowd that asks at once costs a few readings of the table, however slow one is.
func TestManyQuestionsShareAReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd, slow = 500, 3 * time.Second
		readings := 0
		r := newTableReader(func(all []*question) {
			readings++
			time.Sleep(slow)
			open := unanswered(all)
			for socket := range open {
				if socket.local.Port()%2 == 0 {
					answer(open, socket, int(socket.local.Port()))
				}
			}
		})
		began := time.Now()
		var asking sync.WaitGroup
		for i := range crowd {
			asking.Go(func() {
				local := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(i+2))
				owner, ok := r.find(local, netip.MustParseAddrPort("127.0.0.1:13378"), began.Add(time.Minute))
				if ok != (i%2 == 0) || ok && owner != i+2 {
					t.Errorf("%d: owner %d, %v", i, owner, ok)
				}
			})
		}
		asking.Wait()
		if took := time.Since(began); took > 2*slow || readings > 2 {
			t.Errorf("%d readings in %v", readings, took)
		}
	})
}

// A slow table holds nobody longer than until, and the owner is unknown then. Those who
// left are not looked for, and the next ones are answered.
func TestSlowTableHoldsNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, asked := 15*time.Second, 0
		r := newTableReader(func(all []*question) {
			asked += len(all)
			time.Sleep(slow)
			open := unanswered(all)
			for socket := range open {
				answer(open, socket, 7)
			}
		})
		find := func() (int, bool) {
			return r.find(netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2"), time.Now().Add(tableWait))
		}
		began := time.Now()
		var asking sync.WaitGroup
		for range 50 {
			asking.Go(func() {
				if owner, ok := find(); ok || owner != 0 {
					t.Errorf("owner %d, %v, though the table was not read in time", owner, ok)
				}
			})
			time.Sleep(10 * time.Millisecond)
		}
		asking.Wait()
		if took := time.Since(began); took > tableWait+time.Second {
			t.Errorf("held for %v", took)
		}
		time.Sleep(slow)
		synctest.Wait()
		if asked != 1 {
			t.Errorf("%d questions were read for, and all but the first had left", asked)
		}
		slow = time.Second
		if owner, ok := find(); !ok || owner != 7 {
			t.Errorf("the next: owner %d, %v", owner, ok)
		}
	})
}

// What is found is told at once, though others of the same reading are still looked for.
func TestFoundIsToldBeforeTheReadingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTableReader(func(all []*question) {
			answer(unanswered(all), all[0].pair, 7)
			time.Sleep(time.Hour)
		})
		began := time.Now()
		owner, ok := r.find(netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2"), began.Add(tableWait))
		if owner != 7 || !ok || time.Since(began) > 0 {
			t.Errorf("owner %d, %v after %v", owner, ok, time.Since(began))
		}
		time.Sleep(time.Hour)
	})
}
