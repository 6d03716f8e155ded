package progress

import (
	"context"
	"sync"
)

// lanes keep what is about one session or one item from being sent at the same
// time. The zero value is ready.
type lanes struct {
	mu   sync.Mutex
	busy map[string]chan struct{}
}

// enter waits until the lane is free, bounded by ctx; ok is false when it did
// not become free.
func (l *lanes) enter(ctx context.Context, lane string) (leave func(), ok bool) {
	for {
		l.mu.Lock()
		taken := l.busy[lane]
		if taken == nil {
			if l.busy == nil {
				l.busy = make(map[string]chan struct{})
			}
			own := make(chan struct{})
			l.busy[lane] = own
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.busy, lane)
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
