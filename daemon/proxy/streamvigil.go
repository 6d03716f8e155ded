package proxy

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// streamStall is how long a stream that can be continued may yield nothing
	// while its player waits for more. A disk that spins up needs up to ten
	// seconds; within streamPatience there are still four tries.
	streamStall = 15 * time.Second
	// streamPatience is how long a stream is continued without a single byte.
	// mpv waits longer than 45 s and goes on (measured); a server's update or a
	// walk to another room takes less than a minute.
	streamPatience = 60 * time.Second
	// wakeProbe is what a stream gets after a change of network to show that
	// its connection still lives. A connection that works is left alone.
	wakeProbe = 1500 * time.Millisecond
	// wakeHead is the same for an answer that has not begun. The server may
	// just be slow, and asking twice costs it double.
	wakeHead = 5 * time.Second
)

var (
	errSlowHead = errors.New("no answer within two minutes")
	errStalled  = errors.New("the answer stopped coming")
	errMoved    = errors.New("nothing came after a change of network")
)

// wakes tells those who wait that waiting has become pointless.
type wakes struct {
	mu     sync.Mutex
	next   chan struct{} // closed at the next wake
	vigils map[*vigil]struct{}
}

func newWakes() *wakes {
	return &wakes{next: make(chan struct{}), vigils: make(map[*vigil]struct{})}
}

// Wake says that the way to the server may have changed: what waits for
// another try is tried at once, and what has been sent must show a sign of
// life soon. It returns at once and may be called at any time.
func (s *Server) Wake(reason string) {
	s.log.Debug("woken", "reason", reason)
	w := s.wakes
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.next)
	w.next = make(chan struct{})
	for v := range w.vigils {
		v.doubt()
	}
}

func (w *wakes) woken() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

// pause waits for d or a wake. It reports false when ctx ends first.
func (w *wakes) pause(ctx context.Context, d time.Duration) bool {
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

// vigil ends an exchange with the server of which nothing comes any more. Time
// in which nobody waits for it does not count.
type vigil struct {
	wakes *wakes
	timer *time.Timer

	mu      sync.Mutex
	cancel  context.CancelCauseFunc // of the exchange that is watched
	why     error
	waiting bool
	probe   time.Duration // what a wake leaves; 0: a wake changes nothing
	doubted bool          // there was a wake while nobody waited
}

func (w *wakes) newVigil() *vigil {
	v := &vigil{wakes: w}
	v.timer = time.AfterFunc(time.Hour, v.expire)
	v.timer.Stop()
	w.mu.Lock()
	w.vigils[v] = struct{}{}
	w.mu.Unlock()
	return v
}

// over ends the vigil. What it watched last goes on.
func (v *vigil) over() {
	v.wakes.mu.Lock()
	delete(v.wakes.vigils, v)
	v.wakes.mu.Unlock()
	v.watch(nil)
}

// watch takes cancel as the end of what is watched from now on.
func (v *vigil) watch(cancel context.CancelCauseFunc) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cancel, v.doubted, v.waiting = cancel, false, false
	v.timer.Stop()
}

// begin says that something must come within bound, else the exchange ends
// with why; within probe, where that is given, once the network has changed.
func (v *vigil) begin(bound, probe time.Duration, why error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting, v.probe, v.why = true, probe, why
	if v.doubted && probe > 0 {
		bound, v.why = probe, errMoved
	}
	v.timer.Reset(bound)
}

// end says that something came.
func (v *vigil) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting, v.doubted = false, false
	v.timer.Stop()
}

func (v *vigil) doubt() {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case !v.waiting:
		v.doubted = true
	case v.probe > 0:
		v.why = errMoved
		v.timer.Reset(v.probe)
	}
}

func (v *vigil) expire() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.waiting && v.cancel != nil {
		v.cancel(v.why)
	}
}
