package wsconn

import (
	"context"
	"fmt"
	"time"
)

const (
	// watchful is the silence after which a connection is asked while players
	// are active: with askDeadline it makes at most 12 s until a router that
	// silently drops everything is noticed. Idle, the server's own heartbeat
	// has to do, so that nobody is woken for nothing.
	watchful = 8 * time.Second
	// askDeadline bounds the answer then. It is longer than a probe's, since a
	// stream that fills a slow line keeps answers waiting.
	askDeadline = 3 * time.Second
	// stale is the silence after which a connection is asked before something
	// is sent over it that must not be lost.
	stale = 10 * time.Second
)

// watcher looks whether a connection still lives. It never goes by a deadline
// alone: a process that was stopped, or a machine that slept, has missed the
// deadline without anything being wrong, so that silence is only the reason to
// ask. Who answers and still sends no heartbeat has one more silence to do so:
// then something in between answers for a server that is gone.
type watcher struct {
	active func() bool   // nil: never
	nudged chan struct{} // activity began, or somebody doubts; holds one
	doubts chan struct{} // ask now; holds one
}

func newWatcher(active func() bool) watcher {
	return watcher{active: active, nudged: make(chan struct{}, 1), doubts: make(chan struct{}, 1)}
}

// Doubt makes the watcher ask at once. It returns at once.
func (c *Conn) Doubt() { poke(c.watch.doubts) }

// Stir says that activity begins, so that a shorter silence counts.
func (c *Conn) Stir() { poke(c.watch.nudged) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// patience is how long silence may last now.
func (c *Conn) patience() time.Duration {
	silence := c.beats.ping + c.beats.patience
	if c.watch.active != nil && c.watch.active() {
		return min(watchful, silence)
	}
	return silence
}

// Quiet is how long nothing has come over the connection.
func (c *Conn) Quiet() time.Duration { return time.Since(c.born) - time.Duration(c.heard.Load()) }

// stand watches until ctx ends, and drops the connection when it does not
// answer.
func (c *Conn) stand(ctx context.Context) {
	timer := time.NewTimer(c.patience())
	defer timer.Stop()
	silence := c.beats.ping + c.beats.patience
	excused := time.Duration(-1) // when the heartbeat was first missed, on the scale of beat
	for {
		var dead error
		select {
		case <-ctx.Done():
			return
		case <-c.watch.doubts:
			if c.ask(ctx, probeDeadline) != nil {
				dead = errProbe
			}
		case <-c.watch.nudged:
		case <-timer.C:
			quiet := c.Quiet()
			now, beat := time.Since(c.born), time.Duration(c.beat.Load())
			switch {
			case now-beat < silence:
				excused = -1
			case excused < beat:
				excused = now
			}
			late := excused >= 0 && now-excused >= silence
			if late || quiet >= c.patience() && c.ask(ctx, askDeadline) != nil {
				dead = &Weather{Evidence: fmt.Sprintf("no heartbeat of the server for %v", (now - beat).Round(time.Second)), Err: errNoPong}
			}
		}
		if ctx.Err() != nil {
			return
		}
		if dead != nil {
			c.Drop(dead)
			return
		}
		timer.Reset(max(0, c.patience()-c.Quiet()))
	}
}
