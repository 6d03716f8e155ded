package progress

import (
	"context"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// pauseFirst and pauseMost bound the pauses between deliveries while the
	// server is out of reach. A sign that it is back ends a pause at once. Some
	// failures end without a sign, such as a gateway's error page.
	pauseFirst = 2 * time.Second
	pauseMost  = time.Minute
	// tooOld is when a report is set aside: after a longer absence the server's
	// library has probably changed.
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
	done    outcome = iota // it waits no more
	more                   // it has come one step further
	later                  // the server is out of reach: nothing else can be delivered either
	blocked                // this one cannot, others may
)

// run delivers until nothing waits, or the Journal is closed.
func (j *Journal) run() {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = pauseFirst, pauseMost
	for {
		fine := j.round(j.ctx)
		j.mu.Lock()
		if fine || j.graceLocked() <= 0 { // else it is not over, only breathing
			close(j.rounds)
			j.rounds = make(chan struct{})
		}
		if j.ctx.Err() != nil || j.waitingLocked() == 0 {
			j.running = false
			if j.ctx.Err() == nil {
				j.closeIdleLocked()
			}
			j.mu.Unlock()
			return
		}
		j.mu.Unlock()
		if fine {
			pause.Reset()
			continue
		}
		timer := time.NewTimer(j.pauseFor(pause.NextBackOff()))
		select {
		case <-timer.C:
		case <-j.wake:
			pause.Reset()
		case <-j.ctx.Done():
		}
		timer.Stop()
	}
}

// pauseFor returns how long to wait before the next round. It is shorter than
// pause if a session may be asked about earlier.
func (j *Journal) pauseFor(pause time.Duration) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	if quiet := j.graceLocked(); quiet > 0 {
		pause = min(pause, quiet)
	}
	return pause
}

// graceLocked returns how soon the server may be asked about the first of the
// sessions that it may still be at work on; 0 where there is none.
func (j *Journal) graceLocked() (first time.Duration) {
	for _, l := range j.sessions {
		if until := time.Until(l.askAfter); l.backlog && until > 0 && (first == 0 || until < first) {
			first = until
		}
	}
	return first
}

// round delivers what waits, oldest first. It reports whether to continue at
// once.
func (j *Journal) round(ctx context.Context) (fine bool) {
	select {
	case <-j.wake: // this is what it asks for
	default:
	}
	blockedItems := make(map[string]bool) // items whose order would be broken
	passed := make(map[entry]bool)
	for ctx.Err() == nil {
		w := j.next(passed, blockedItems)
		if w == nil {
			return len(passed) == 0
		}
		switch j.deliver(ctx, w) {
		case later:
			return false
		case blocked:
			passed[w] = true
			j.mu.Lock()
			if item := w.item(); item != "" {
				blockedItems[item] = true
			}
			j.mu.Unlock()
		}
	}
	return false
}

// next returns the oldest entry, without those that cannot be delivered in this
// round.
func (j *Journal) next(passed map[entry]bool, blockedItems map[string]bool) (oldest entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.eachLocked(func(w entry) {
		if passed[w] || blockedItems[w.item()] {
			return
		}
		if oldest == nil || w.order() < oldest.order() {
			oldest = w
		}
	})
	return oldest
}

// deliver takes one entry a step further.
func (j *Journal) deliver(ctx context.Context, w entry) outcome {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	switch w := w.(type) {
	case *listening:
		return j.deliverSession(ctx, w.ID)
	case *change:
		return j.deliverChange(ctx, w)
	case *offline:
		return j.deliverOffline(ctx, w)
	}
	return blocked
}

func isTooOld(w entry) bool { return time.Since(w.since()) > tooOld }

// finish removes what was delivered. If that cannot be written, a crash makes
// the entry be delivered once more, which changes nothing at the server.
func (j *Journal) finish(w entry) outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.changedLocked()
	if e, still := j.removeLocked(w); still {
		if err := j.writeLocked(e); err != nil {
			j.log.Warn("a delivered report is still in the journal", "reason", err)
		}
	}
	return done
}

// removeLocked removes w from what waits. still is false if a newer report has
// replaced it meanwhile.
func (j *Journal) removeLocked(w entry) (e edit, still bool) {
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
		l := j.sessions[w.ID]
		if l == nil {
			return e, false
		}
		delete(j.sessions, w.ID)
		l.backlog = false
		return edit{bucketSessions, []byte(w.ID), nil}, true
	}
	return e, false
}

// attemptsLocked returns the counter of an entry that still waits, or nil.
func (j *Journal) attemptsLocked(w entry) *attempts {
	switch w := w.(type) {
	case *listening:
		if l := j.sessions[w.ID]; l != nil {
			return &l.attempts
		}
	case *change:
		return &w.attempts
	case *offline:
		return &w.attempts
	}
	return nil
}
