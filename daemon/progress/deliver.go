package progress

import (
	"context"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// pauseFirst and pauseMost are the pauses between deliveries in bad
	// weather. A sign that the server is back ends one at once; the pause is
	// for weather of which nobody gives a sign, such as a gateway's error page.
	pauseFirst = 2 * time.Second
	pauseMost  = time.Minute
	// tooOld is when a report is set aside: whoever comes back from further
	// away has a server that is not the same any more.
	tooOld = 30 * 24 * time.Hour
	// maxTries, counted at most once per tryEvery, is how often an error of the
	// server's own is taken for one that passes: a quarter of an hour at least,
	// in which a server can start again and bring its database in order.
	maxTries = 30
	tryEvery = 30 * time.Second
)

// outcome is what became of one entry.
type outcome int

const (
	done   outcome = iota // it waits no more
	more                  // it has come one step further
	later                 // the weather is bad: nothing else can be delivered either
	hinder                // this one cannot, others may
)

// run delivers until nothing waits, or the Journal is closed.
func (j *Journal) run() {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = pauseFirst, pauseMost
	for {
		fine := j.round(j.ctx)
		j.mu.Lock()
		if fine || j.quietLocked() <= 0 { // else it is not over, only breathing
			close(j.rounds)
			j.rounds = make(chan struct{})
		}
		if j.ctx.Err() != nil || j.waitingLocked() == 0 {
			j.running = false
			if j.ctx.Err() == nil {
				j.restLocked()
			}
			j.mu.Unlock()
			return
		}
		j.mu.Unlock()
		if fine {
			pause.Reset()
			continue
		}
		timer := time.NewTimer(j.rest(pause.NextBackOff()))
		select {
		case <-timer.C:
		case <-j.wake:
			pause.Reset()
		case <-j.ctx.Done():
		}
		timer.Stop()
	}
}

// rest is how long to rest: what may still be under way at the server is to be
// looked at as soon as that makes sense.
func (j *Journal) rest(pause time.Duration) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	if quiet := j.quietLocked(); quiet > 0 {
		pause = min(pause, quiet)
	}
	return pause
}

// quietLocked is how soon the first of the sessions may be looked at that the
// server may still be at work on; 0 where there is none.
func (j *Journal) quietLocked() (first time.Duration) {
	for _, l := range j.sessions {
		if until := time.Until(l.quiet); l.backlog && until > 0 && (first == 0 || until < first) {
			first = until
		}
	}
	return first
}

// round delivers what waits, in the order in which it came. It reports whether
// to go on at once.
func (j *Journal) round(ctx context.Context) (fine bool) {
	select {
	case <-j.wake: // this is what it asks for
	default:
	}
	hindered := make(map[string]bool) // items whose order would be broken
	passed := make(map[work]bool)
	for ctx.Err() == nil {
		w := j.next(passed, hindered)
		if w == nil {
			return len(passed) == 0
		}
		switch j.deliver(ctx, w) {
		case later:
			return false
		case hinder:
			passed[w] = true
			j.mu.Lock()
			if item := w.item(); item != "" {
				hindered[item] = true
			}
			j.mu.Unlock()
		}
	}
	return false
}

// next is the oldest of what waits, without what cannot be delivered in this
// round.
func (j *Journal) next(passed map[work]bool, hindered map[string]bool) (oldest work) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.eachLocked(func(w work) {
		if passed[w] || hindered[w.item()] {
			return
		}
		if oldest == nil || w.order() < oldest.order() {
			oldest = w
		}
	})
	return oldest
}

// deliver takes one entry a step further.
func (j *Journal) deliver(ctx context.Context, w work) outcome {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	switch w := w.(type) {
	case *listening:
		return j.deliverSession(ctx, w)
	case *change:
		return j.deliverChange(ctx, w)
	case *offline:
		return j.deliverOffline(ctx, w)
	}
	return hinder
}

func old(w work) bool { return time.Since(w.since()) > tooOld }

// drop strikes out what was delivered. If that cannot be written it is
// delivered once more after a crash, which changes nothing.
func (j *Journal) drop(w work) outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.turnedLocked()
	if e, still := j.strikeLocked(w); still {
		if err := j.writeLocked(e); err != nil {
			j.log.Warn("a delivered report is still in the journal", "reason", err)
		}
	}
	return done
}

// strikeLocked takes w out of what waits; still is false where a newer report
// has taken its place meanwhile.
func (j *Journal) strikeLocked(w work) (e edit, still bool) {
	switch w := w.(type) {
	case *change:
		i := slices.IndexFunc(j.changes, func(c *change) bool { return c.Seq == w.Seq })
		if i < 0 {
			return e, false
		}
		j.changes = slices.Delete(slices.Clone(j.changes), i, i+1)
		return edit{bucketChanges, seqKey(w.Seq), nil}, true
	case *offline:
		if j.offline[w.ID] != w {
			return e, false
		}
		delete(j.offline, w.ID)
		return edit{bucketOffline, []byte(w.ID), nil}, true
	case *listening:
		if j.sessions[w.ID] != w {
			return e, false
		}
		delete(j.sessions, w.ID)
		w.backlog = false
		return edit{bucketSessions, []byte(w.ID), nil}, true
	}
	return e, false
}
