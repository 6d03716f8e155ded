package stream

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// stall is how long a stream that can be continued may yield nothing
	// while its player waits for more. A disk that spins up needs up to ten
	// seconds; within patience there are still four tries.
	stall = 15 * time.Second
	// patience is how long a stream is continued without a single byte.
	// mpv waits longer than 45 s and goes on (measured); a server's update or a
	// walk to another room takes less than a minute.
	patience = 60 * time.Second
	// idle ends an answer that cannot be continued and of which nothing more
	// comes. The server may pause for minutes, as when it packs a large book.
	// Time in which the player does not read does not count.
	idle = 10 * time.Minute
	// wakeProbe is what a stream gets after a change of network to show that
	// its connection still lives. A connection that works is left alone.
	wakeProbe = 1500 * time.Millisecond
	// WakeHead is the same for an answer that has not begun. The server may
	// just be slow, and asking twice costs it double.
	WakeHead = 5 * time.Second
)

// Why a Watchdog ended an exchange.
var (
	ErrSlowHead = errors.New("no answer within six hours")
	errStalled  = errors.New("the answer stopped coming")
	errMoved    = errors.New("nothing came after a change of network")
)

// Watchdog ends an exchange with the server of which nothing comes any more.
// Time in which nobody waits for it does not count.
type Watchdog struct {
	broadcast *Broadcast
	timer     *time.Timer

	mu      sync.Mutex
	cancel  context.CancelCauseFunc // of the exchange that is watched
	why     error
	waiting bool
	probe   time.Duration // what a wake-up leaves; 0: a wake-up changes nothing
	woken   bool          // there was a wake-up while nobody waited
}

// Over ends the watch. What was watched last goes on.
func (v *Watchdog) Over() {
	v.broadcast.mu.Lock()
	delete(v.broadcast.watched, v)
	v.broadcast.mu.Unlock()
	v.Watch(nil)
}

// Watch takes cancel as the end of what is watched from now on.
func (v *Watchdog) Watch(cancel context.CancelCauseFunc) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cancel, v.woken, v.waiting = cancel, false, false
	v.timer.Stop()
}

// Begin says that something must come within bound, else the exchange ends
// with why; within probe, where that is given, once the network has changed.
func (v *Watchdog) Begin(bound, probe time.Duration, why error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting, v.probe, v.why = true, probe, why
	if v.woken && probe > 0 {
		bound, v.why = probe, errMoved
	}
	v.timer.Reset(bound)
}

// End says that something came.
func (v *Watchdog) End() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting, v.woken = false, false
	v.timer.Stop()
}

// suspect leaves what is watched only its probe to show a sign of life.
func (v *Watchdog) suspect() {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case !v.waiting:
		v.woken = true
	case v.probe > 0:
		v.why = errMoved
		v.timer.Reset(v.probe)
	}
}

func (v *Watchdog) expire() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.waiting && v.cancel != nil {
		v.cancel(v.why)
	}
}

// Watched is a body that must not stop coming.
type Watched struct {
	Src      io.Reader
	Watchdog *Watchdog
}

// Read implements io.Reader.
func (b Watched) Read(p []byte) (int, error) {
	b.Watchdog.Begin(idle, 0, errStalled)
	n, err := b.Src.Read(p)
	b.Watchdog.End()
	return n, err
}
