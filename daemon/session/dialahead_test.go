package session

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
)

// dialCounter counts the connections that are dialled ahead, and those of them that a
// renewal travels on.
type dialCounter struct{ dialled, used atomic.Int32 }

type dialCounted struct {
	Conn
	counter *dialCounter
	ahead   bool
}

func (c *dialCounted) Dial() {
	c.ahead = true
	c.counter.dialled.Add(1)
	c.Conn.Dial()
}

func (c *dialCounted) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/auth/refresh" && c.ahead {
		c.counter.used.Add(1)
	}
	return c.Conn.Do(r)
}

// Where a player waits, the connection is opened while the mark is written. One that
// a slow disk has left open for too long is not used.
func TestConnectionIsOpenedBesideTheMark(t *testing.T) {
	for _, c := range []struct {
		sync time.Duration
		used int32
	}{{0, 1}, {500 * time.Millisecond, 1}, {3 * time.Second, 0}} {
		withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
			r.s.Close()
			var counter dialCounter
			r.startWith(func(cfg *Config) {
				cfg.Vault = slowDisk{r.vault, c.sync}
				cfg.Served = func() bool { return false }
				cfg.Connect = func() Conn { return &dialCounted{Conn: r.up.Private(), counter: &counter} }
			})
			r.mustToken()
			time.Sleep(3 * time.Hour) // nobody needs it, so it ends
			began := time.Now()
			if _, err := r.s.Token(r.Context()); err != nil {
				t.Fatalf("%v\n%s", err, r.log)
			}
			if counter.dialled.Load() != 1 || counter.used.Load() != c.used {
				t.Errorf("a sync of %v: %d dialled ahead, %d used, %v\n%s",
					c.sync, counter.dialled.Load(), counter.used.Load(), time.Since(began), r.log)
			}
		})
	}
}
