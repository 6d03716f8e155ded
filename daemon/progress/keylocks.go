package progress

import (
	"context"
	"sync"
)

// keyLocks are locks by key. They keep two reports about one session or item from
// being sent at the same time. The zero value is ready.
type keyLocks struct {
	mu   sync.Mutex
	busy map[string]chan struct{}
}

// lock waits until the key is free, bounded by ctx. ok is false if it did not
// become free in time.
func (l *keyLocks) lock(ctx context.Context, key string) (unlock func(), ok bool) {
	for {
		l.mu.Lock()
		taken := l.busy[key]
		if taken == nil {
			if l.busy == nil {
				l.busy = make(map[string]chan struct{})
			}
			own := make(chan struct{})
			l.busy[key] = own
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.busy, key)
				l.mu.Unlock()
				close(own)
			}, true
		}
		l.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, false
		}
	}
}
