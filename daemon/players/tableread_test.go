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
				owner, ok := r.find(local, netip.MustParseAddrPort("127.0.0.1:13378"))
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
