package players

import (
	"sync"
	"time"
)

// useEvery is how often last uses are written at most: they are for a person
// who wonders which grant is still needed, and a request must not wait for a
// disk.
const useEvery = 10 * time.Minute

// lastUse writes what touch noted, some time later.
type lastUse struct {
	mu      sync.Mutex
	timer   *time.Timer
	closed  bool
	running sync.WaitGroup
}

// touch notes that the grant is used now. It never waits.
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
	u.timer = time.AfterFunc(useEvery, func() {
		defer u.running.Done()
		u.mu.Lock()
		u.timer = nil
		u.mu.Unlock()
		// What cannot be written now is written with the next use or change.
		_ = g.flush()
	})
}

// flush writes the store as it is.
func (g *Grants) flush() error {
	return g.change(func(map[string]*entry) error { return nil })
}

// Close writes what is still to be written and waits for it.
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
