package progress

import (
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
		if j.roundEnded(fine) {
			return
		}
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

// roundEnded tells those who wait for a round, and reports whether run has
// nothing more to do.
func (j *Journal) roundEnded(fine bool) (over bool) {
	j.lock()
	defer j.unlock()
	pausing := !fine && j.graceLocked() > 0 // the round is not over, it only waits for the server
	v := &j.view
	v.mu.Lock()
	if !pausing {
		v.tellRoundLocked()
	}
	over = j.ctx.Err() != nil || v.waiting == 0
	if over {
		v.running = false
	}
	v.mu.Unlock()
	if over && j.ctx.Err() == nil {
		j.closeIdleLocked()
	}
	return over
}

// pauseFor returns how long to wait before the next round. It is shorter than
// pause if a session may be asked about earlier.
func (j *Journal) pauseFor(pause time.Duration) time.Duration {
	j.lock()
	defer j.unlock()
	if grace := j.graceLocked(); grace > 0 {
		pause = min(pause, grace)
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

// isTooOld reports whether w has waited for too long. The wall clock may have
// been put right meanwhile, by years; while the program runs, the time that has
// passed is certain.
func (j *Journal) isTooOld(w entry) bool {
	before := max(0, j.begunWall.Sub(w.since()))
	return min(time.Since(w.since()), before+time.Since(j.begun)) > tooOld
}

// finish removes what was delivered. If that cannot be written, a crash makes
// the entry be delivered once more, which changes nothing at the server.
func (j *Journal) finish(w entry) outcome {
	j.lock()
	defer j.unlock()
	j.endLocked([]entry{w}, nil)
	return done
}

// removalLocked returns the record that removes w. still is false if a newer
// report has replaced it meanwhile.
func (j *Journal) removalLocked(w entry) (r record, still bool) {
	switch w := w.(type) {
	case *change:
		return record{Removed: &removed{Change: w.Seq}}, j.changes.get(w.Seq) != nil
	case *offline:
		return record{Removed: &removed{Offline: w.ID}}, j.latest[w.ID] == w
	case *listening:
		return record{Removed: &removed{Session: w.ID}}, j.sessions[w.ID] != nil
	}
	return r, false
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
