package survival

import (
	"context"
	"time"
)

// mostDelay is how long a system lets a program delay a suspend: logind's
// InhibitDelayMaxSec.
const mostDelay = 5 * time.Second

// awake is one request of the client that the machine stays awake for a moment.
type awake struct{ done chan struct{} }

// stayAwake delays sleeps until the returned function is called or the process
// dies.
func (l *life) stayAwake(context.Context) (done func()) {
	a := &awake{done: make(chan struct{})}
	l.world.mu.Lock()
	l.world.awakes[a] = true
	l.world.mu.Unlock()
	end := func() {
		l.world.mu.Lock()
		defer l.world.mu.Unlock()
		if l.world.awakes[a] {
			delete(l.world.awakes, a)
			close(a.done)
		}
	}
	return end
}

// delay puts a sleep off until the client is ready for it, and reports whether
// it did. The world's mutex must be held.
func (w *world) delay(e event) bool {
	if w.life == nil {
		return false
	}
	for a := range w.awakes {
		e.delayed = true
		dead := w.life.dead
		w.running.Go(func() {
			timer := time.NewTimer(mostDelay)
			defer timer.Stop()
			select {
			case <-a.done:
			case <-dead:
			case <-timer.C:
			}
			w.apply(e)
		})
		return true
	}
	return false
}
