package stream

import (
	"sync"
	"sync/atomic"
	"time"
)

// clock is one timer for all watchdogs. A timer of its own for each would be set and
// stopped several times a request, and a timer that comes before all others wakes a
// thread of the process. The clock is set while somebody waits; it may ring once more
// after that.
type clock struct {
	began time.Time
	rings func()
	due   atomic.Int64 // when it rings, in ns since began; 0: it is not set

	mu     sync.Mutex
	timer  *time.Timer // nil before it was set
	closed bool
}

// now returns the present time in ns since the clock began; it is never 0.
func (c *clock) now() int64 { return int64(time.Since(c.began)) + 1 }

// ringBy makes the clock ring at that time at the latest.
func (c *clock) ringBy(at int64) {
	if due := c.due.Load(); due != 0 && due <= at {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if due := c.due.Load(); c.closed || due != 0 && due <= at {
		return
	}
	c.due.Store(at)
	d := time.Duration(at - c.now())
	if c.timer == nil {
		c.timer = time.AfterFunc(d, c.ring)
		return
	}
	c.timer.Reset(d)
}

// ring says that the clock is not set any more before it looks who is due: whoever
// begins to wait meanwhile sets it again.
func (c *clock) ring() {
	c.mu.Lock()
	if !c.closed {
		c.due.Store(0)
	}
	c.mu.Unlock()
	c.rings()
}

func (c *clock) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
}
