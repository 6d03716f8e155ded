package players

import (
	"sync"
	"time"
)

// flushInterval is the shortest time between two writes of last uses. They only
// tell the user which grants are still needed, and a request must not wait for a
// disk.
const flushInterval = 10 * time.Minute

// lastUse writes the uses that touch recorded, some time later.
type lastUse struct {
	mu      sync.Mutex
	timer   *time.Timer
	closed  bool
	running sync.WaitGroup
}

// touch records that the grant is used now. It never waits.
func (g *Grants) touch(e *entry) {
	now := g.now().Unix()
	before := e.used.Load()
	if now-before < int64(time.Minute/time.Second) || !e.used.CompareAndSwap(before, now) {
		return
	}
	u := &g.uses
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.timer != nil || u.closed {
		return
	}
	u.running.Add(1)
	u.timer = time.AfterFunc(flushInterval, func() {
		defer u.running.Done()
		u.mu.Lock()
		u.timer = nil
		u.mu.Unlock()
		// After a failure the next use or change writes it.
		_ = g.flush()
	})
}

// flush writes the store as it is.
func (g *Grants) flush() error {
	return g.change(func(map[string]*entry) error { return nil })
}

// Close writes pending uses and waits for a running write.
func (g *Grants) Close() error {
	u := &g.uses
	u.mu.Lock()
	u.closed = true
	pending := u.timer != nil
	if pending && u.timer.Stop() {
		u.running.Done()
	}
	u.timer = nil
	u.mu.Unlock()
	u.running.Wait()
	if !pending {
		return nil
	}
	return g.flush()
}
