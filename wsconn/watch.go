package wsconn

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// activeSilence is the silence after which a ping is sent while players are
	// active. With activeDeadline it takes at most 12 s to notice a router that
	// silently drops everything. Where somebody finds out by other means, only the
	// server's heartbeat is waited for: on a line that loses one packet in three an
	// answer may take longer. Without active players the heartbeat suffices, so that
	// an idle machine is not woken.
	activeSilence = 8 * time.Second
	// activeDeadline bounds the answer to such a ping. It is longer than
	// probeDeadline, since a stream that fills a slow line delays the answer.
	activeDeadline = 3 * time.Second
	// suspectSilence is the silence after which a ping is sent while something is being
	// sent to a player. An answer that is not there within soonest to latest, depending
	// on the round trips seen, ends nothing: it is only told, so that somebody finds out.
	suspectSilence  = 1200 * time.Millisecond
	soonest, latest = 250 * time.Millisecond, 700 * time.Millisecond
	// idleSlack is what an idle machine waits beyond the server's own limit. The timer
	// then goes off after every second heartbeat, and not after each. Routers that drop
	// everything are found before by the kernel, which wakes no process.
	idleSlack = 6 * time.Second
	// stale is the silence after which a connection is probed before an event is
	// sent over it.
	stale = 10 * time.Second
)

// Watch says how a Conn watches over itself. All may be nil.
type Watch struct {
	// Active reports whether a user would notice a silence now.
	Active func() bool
	// UnderWay reports whether something is being sent to a player now. A ping that is
	// not answered soon is then told to Suspect, which returns at once. It reports
	// whether it finds out and ends the connection if that is dead.
	UnderWay func() bool
	Suspect  func() bool
}

// watcher decides whether a connection is alive. A missed deadline alone never
// ends it: a stopped process or a sleeping machine misses deadlines although the
// connection works. Silence is therefore only the reason to send a ping. When
// pongs come but no heartbeat, the connection ends after one more silence: a
// gateway then answers for a server that is gone.
type watcher struct {
	active   func() bool   // nil means never
	underWay func() bool   // something is being sent to a player; nil means never
	suspect  func() bool   // told of a ping without an answer; nil: nobody
	trip     time.Duration // of pings, smoothed; 0: none yet
	activity chan struct{} // players became active; holds one
	probes   chan struct{} // a ping is wanted now; holds one
}

func newWatcher(o Watch) watcher {
	return watcher{active: o.Active, underWay: o.UnderWay, suspect: o.Suspect, activity: make(chan struct{}, 1),
		probes: make(chan struct{}, 1)}
}

// RequestProbe makes the watcher send a ping now. It returns at once.
func (c *Conn) RequestProbe() { signal(c.watch.probes) }

// PlayersActive tells the watcher that players became active: a shorter silence
// then suffices for a ping.
func (c *Conn) PlayersActive() { signal(c.watch.activity) }

// signal wakes the receiver of c, which holds one signal. It never blocks.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// patience is how long the present silence may last. left says that somebody else finds
// out what it means.
func (c *Conn) patience(left bool) time.Duration {
	silence := c.beats.interval + c.beats.timeout
	if c.watch.active != nil && c.watch.active() && !left {
		return min(activeSilence, silence)
	}
	return silence + idleSlack
}

// asksEarly reports whether a ping is to be sent after suspectSilence.
func (c *Conn) asksEarly() bool {
	return c.watch.suspect != nil && c.watch.underWay != nil && c.watch.underWay()
}

// askEarly sends a ping and tells of a missing answer. Only watchSilence calls it.
func (c *Conn) askEarly(ctx context.Context) {
	began := time.Now()
	err := c.ping(ctx, min(max(4*c.watch.trip, soonest), latest))
	if err == nil {
		if trip := time.Since(began); c.watch.trip == 0 {
			c.watch.trip = trip
		} else {
			c.watch.trip = (3*c.watch.trip + trip) / 4
		}
		return
	}
	c.watch.trip = min(max(2*c.watch.trip, soonest/4), latest) // perhaps the line has become slow
	if errors.Is(err, errNoPong) {
		c.watch.suspect()
	}
}

// answers sends a ping after a long silence and reports whether the answer came, or
// whether somebody else finds out: left.
func (c *Conn) answers(ctx context.Context) (answered, left bool) {
	deadline := activeDeadline
	if c.watch.suspect != nil {
		if c.ping(ctx, latest) == nil {
			return true, false
		}
		if c.watch.active() && c.watch.suspect() {
			return false, true
		}
		deadline -= latest
	}
	return c.ping(ctx, deadline) == nil, false
}

// Quiet is the time since the last frame.
func (c *Conn) Quiet() time.Duration { return time.Since(c.born) - time.Duration(c.heard.Load()) }

// watchSilence runs until ctx ends. It drops the connection when a ping is not
// answered.
func (c *Conn) watchSilence(ctx context.Context) {
	timer := time.NewTimer(c.patience(false))
	defer timer.Stop()
	silence := c.beats.interval + c.beats.timeout
	excused := time.Duration(-1) // when the heartbeat was first missed, since born
	asked := int64(-1)           // what was last heard when a ping was sent early
	left := int64(-1)            // what was last heard when a silence was left to others
	for {
		var dead error
		select {
		case <-ctx.Done():
			return
		case <-c.watch.probes:
			if c.ping(ctx, probeDeadline) != nil {
				dead = errProbe
			}
		case <-c.watch.activity:
		case <-timer.C:
			quiet := c.Quiet()
			if heard := c.heard.Load(); quiet >= suspectSilence && quiet < c.patience(heard == left) && heard != asked && c.asksEarly() {
				asked = heard
				c.askEarly(ctx)
				break
			}
			now, beat := time.Since(c.born), time.Duration(c.beat.Load())
			switch {
			case now-beat < silence:
				excused = -1
			case excused < beat:
				excused = now
			}
			late := excused >= 0 && now-excused >= silence
			answered := true
			if heard := c.heard.Load(); !late && quiet >= c.patience(heard == left) {
				short := c.patience(heard == left) < silence
				if !short {
					answered = c.ping(ctx, activeDeadline) == nil
				} else if ok, others := c.answers(ctx); others {
					left = heard
				} else {
					answered = ok
				}
			}
			if late || !answered {
				evidence := fmt.Sprintf("no heartbeat of the server for %v", (now - beat).Round(time.Second))
				dead = &TemporaryError{Evidence: evidence, Err: errNoPong}
			}
		}
		if ctx.Err() != nil {
			return
		}
		if dead != nil {
			c.Drop(dead)
			return
		}
		patience := c.patience(c.heard.Load() == left)
		if c.heard.Load() != asked && c.asksEarly() {
			patience = min(patience, suspectSilence)
		}
		timer.Reset(max(0, patience-c.Quiet()))
	}
}
