package tray

import (
	"context"
	"fmt"
	"sync"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// feed holds the newest snapshot of the daemon. Snapshots that come faster than
// they can be drawn replace each other.
type feed struct {
	changed chan struct{} // one place: something newer than last taken is there
	ended   chan struct{} // closed when there will be no more

	mu   sync.Mutex
	last *health.Snapshot
	err  error
}

// follow reads the daemon's events in a goroutine of its own until ctx ends or
// the daemon is gone, and then calls ended.
func follow(ctx context.Context, c Client, ended func()) *feed {
	f := &feed{changed: make(chan struct{}, 1), ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		defer ended()
		err := c.Events(ctx, func(s health.Snapshot) error {
			f.mu.Lock()
			f.last = &s
			f.mu.Unlock()
			select {
			case f.changed <- struct{}{}:
			default: // a wake-up is waiting already, and its reader takes the newest snapshot
			}
			return nil
		})
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.err = err; ctx.Err() != nil {
			f.err = nil
		}
	}()
	return f
}

// snapshot returns the newest one, nil before the first.
func (f *feed) snapshot() *health.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// reason returns why there are no more snapshots, nil if we ended it ourselves.
func (f *feed) reason() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return nil
	}
	return problem.Of(fmt.Errorf("follow the daemon: %w", f.err))
}
