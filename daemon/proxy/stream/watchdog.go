package stream

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// stall is how long a stream that can be continued may bring nothing while
	// its player waits. A disk that spins up needs up to ten seconds. Within
	// patience there are still four attempts.
	stall = 15 * time.Second
	// patience is how long attempts to continue a stream may bring no byte. mpv
	// waits for more than 45 s and goes on (measured). A server's update or a
	// walk to another room takes less than a minute. The way back takes some seconds
	// more: a ping, and a renewal where the token has ended meanwhile.
	patience = 75 * time.Second
	// idle ends an answer that cannot be continued and brings nothing more. The
	// server may pause for minutes, as when it packs a large book. Time in which
	// the player does not read does not count.
	idle = 10 * time.Minute
	// wakeProbe is how long a stream may bring nothing after a change of network.
	// A connection that works is left alone.
	wakeProbe = 1500 * time.Millisecond
	// WakeHead is the same for an answer that has not begun. It is longer, since
	// the server may be slow, and a second request doubles its work.
	WakeHead = 5 * time.Second
	// quiet is how long somebody waits for bytes before the connections are examined.
	quiet = time.Second
)

// The reasons for which a Watchdog ends an exchange.
var (
	ErrSlowHead = errors.New("no answer within six hours")
	errStalled  = errors.New("the answer stopped coming")
	errMoved    = errors.New("nothing came after a change of network")
)

// Watchdog ends an exchange with the server that brings nothing any more. Time in which
// nobody waits for it does not count.
type Watchdog struct {
	broadcast *Broadcast

	mu      sync.Mutex
	cancel  context.CancelCauseFunc // of the watched exchange
	why     error
	waiting bool
	probe   time.Duration // the time that a wake-up leaves; 0 means that it changes nothing
	woken   bool          // a wake-up came while nobody waited
	due     int64         // by the clock: when it looks whether bytes came
	left    time.Duration // of the bound after that
}

// Over ends the watch. The watched exchange goes on.
func (v *Watchdog) Over() {
	v.broadcast.mu.Lock()
	delete(v.broadcast.watched, v)
	v.broadcast.mu.Unlock()
	v.Watch(nil)
}

// Watch begins to watch another exchange, which cancel ends.
func (v *Watchdog) Watch(cancel context.CancelCauseFunc) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cancel, v.woken, v.waiting = cancel, false, false
}

// Begin says that bytes must come within bound; otherwise the exchange ends with why.
// After a change of network they must come within probe, unless that is 0.
func (v *Watchdog) Begin(bound, probe time.Duration, why error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting, v.probe, v.why = true, probe, why
	if v.woken && probe > 0 {
		bound, v.why = probe, errMoved
	}
	v.set(bound)
}

// set makes the exchange end after bound. A silence is told before.
func (v *Watchdog) set(bound time.Duration) {
	first := min(bound, quiet)
	v.left = bound - first
	v.wake(first)
}

// wake makes the clock look after d.
func (v *Watchdog) wake(d time.Duration) {
	v.due = v.broadcast.clock.now() + int64(d)
	v.broadcast.clock.ringBy(v.due)
}

// dueAt returns when the clock is to look, 0 while nobody waits.
func (v *Watchdog) dueAt() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.waiting {
		return 0
	}
	return v.due
}

// End says that bytes came.
func (v *Watchdog) End() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting, v.woken = false, false
}

// suspect shortens the time for the next bytes to the probe.
func (v *Watchdog) suspect() {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case !v.waiting:
		v.woken = true
	case v.probe > 0:
		v.why = errMoved
		v.set(v.probe)
	}
}

// expire tells that nobody got bytes by the time that was due, and ends the exchange at its end.
func (v *Watchdog) expire() {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case !v.waiting, v.broadcast.clock.now() < v.due: // bytes came just now
	case v.left > 0:
		v.wake(v.left)
		v.left = 0
		if v.broadcast.Quiet != nil {
			v.broadcast.Quiet()
		}
	case v.cancel != nil:
		v.cancel(v.why)
	}
}

// Watched is a body that a Watchdog watches.
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
