package stream

import (
	"context"
	"sync"
	"time"
)

// Broadcast is the wake-up signal. It ends pauses, and makes running exchanges prove
// that they are alive.
type Broadcast struct {
	// Quiet, where set before the first use, is told when somebody has waited for bytes
	// for a second. It returns at once, and reports whether it finds out why.
	Quiet func() bool

	mu      sync.Mutex
	next    chan struct{} // closed at the next wake-up
	watched map[*Watchdog]struct{}

	clock clock
}

// NewBroadcast returns a Broadcast without listeners.
func NewBroadcast() *Broadcast {
	w := &Broadcast{next: make(chan struct{}), watched: make(map[*Watchdog]struct{})}
	w.clock.began, w.clock.rings = time.Now(), w.look
	return w
}

// Close ends the watch of all that runs.
func (w *Broadcast) Close() { w.clock.close() }

// look ends what is overdue, and sets the clock for what is due next.
func (w *Broadcast) look() {
	now, next := w.clock.now(), int64(0)
	var overdue []*Watchdog
	w.mu.Lock()
	for v := range w.watched {
		switch at := v.dueAt(); {
		case at == 0:
		case at <= now:
			overdue = append(overdue, v)
		case next == 0 || at < next:
			next = at
		}
	}
	w.mu.Unlock()
	if next != 0 {
		w.clock.ringBy(next)
	}
	for _, v := range overdue {
		v.expire()
	}
}

// Wake says that the route to the server may have changed. Pauses end at once, and
// running exchanges must get bytes soon. It returns at once and may be called at any
// time.
func (w *Broadcast) Wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.next)
	w.next = make(chan struct{})
	for v := range w.watched {
		v.suspect()
	}
}

func (w *Broadcast) woken() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

// Pause waits for d or a wake-up. It reports false when ctx ends first.
func (w *Broadcast) Pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.woken():
	case <-ctx.Done():
		return false
	}
	return ctx.Err() == nil
}

// NewWatchdog returns a Watchdog that hears wake-ups until its Over.
func (w *Broadcast) NewWatchdog() *Watchdog {
	v := &Watchdog{broadcast: w}
	w.mu.Lock()
	w.watched[v] = struct{}{}
	w.mu.Unlock()
	return v
}
