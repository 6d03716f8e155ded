package progress

import (
	"context"
	"encoding/json"
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

// deliverChange brings an update to the server, unless the server has a newer
// one.
func (j *Journal) deliverChange(ctx context.Context, c *change) outcome {
	leave, ok := j.lanes.enter(ctx, c.item())
	if !ok {
		return hinder
	}
	defer leave()
	if old(c) {
		return j.putAside(c, "older than 30 days")
	}
	p, err := j.client.place(ctx, c.Item, c.Episode)
	if err != nil {
		return later
	}
	at := c.moment(&j.client.clock)
	if j.isNewer(p, at, c.item()) && !(c.Tried && c.shows(p)) {
		j.log.Info("a report of progress came too late: the server has a newer one", "item", c.Item)
		return j.drop(c)
	}
	if !c.Tried {
		tried := *c
		tried.Tried = true
		if !j.replace(c, &tried) {
			return hinder
		}
		c = &tried
	}
	// The server sets the time of a progress only where there is one already:
	// what is made anew is told once more.
	for again := p == nil; ; again = false {
		a, err := j.client.ask(ctx, Patch.method(), progressPath(c.Item, c.Episode), c.dated(at), nil)
		if err != nil {
			return later
		}
		switch judge(Patch, a) {
		case taken:
			if again {
				continue
			}
			j.bring(c)
			return j.drop(c)
		case gone, refused:
			return j.putAside(c, string(a.Body))
		case stuck:
			return j.tryAgain(c, &c.Tries, &c.tried)
		default:
			return later
		}
	}
}

// bring remembers the place to which an update brought an item.
func (j *Journal) bring(c *change) {
	at, there, ok := number(c.Body["currentTime"])
	if !ok || !there {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.brought) >= maxEntries {
		clear(j.brought)
	}
	j.brought[c.item()] = at
}

func (j *Journal) deliverOffline(ctx context.Context, o *offline) outcome {
	leave, ok := j.lanes.enter(ctx, o.ID)
	if !ok {
		return hinder
	}
	defer leave()
	if old(o) {
		return j.putAside(o, "older than 30 days")
	}
	r := o.report()
	a, v, _ := j.client.report(ctx, r)
	if v == taken && o.All {
		list, _ := results(a)
		if i := slices.IndexFunc(list, func(r result) bool { return r.Error != "" || !r.Success }); i >= 0 {
			return j.putAside(o, list[i].Error)
		}
	}
	switch v {
	case taken:
		return j.drop(o)
	case gone, refused:
		return j.putAside(o, string(a.Body))
	case stuck:
		return j.tryAgain(o, &o.Tries, &o.tried)
	}
	return later
}

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

// replace puts another state of an update in its place, durably.
func (j *Journal) replace(was, is *change) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := slices.IndexFunc(j.changes, func(c *change) bool { return c.Seq == was.Seq })
	if i < 0 {
		return false // a newer one has taken its place
	}
	if j.writeLocked(edit{bucketChanges, seqKey(is.Seq), is}) != nil {
		return false
	}
	j.changes = slices.Clone(j.changes)
	j.changes[i] = is
	return true
}

// tryAgain counts an error of the server's own.
func (j *Journal) tryAgain(w work, tries *int, last *time.Time) outcome {
	j.mu.Lock()
	give := false
	if now := time.Now(); now.Sub(*last) >= tryEvery {
		*last = now
		*tries++
		give = *tries >= maxTries
	}
	j.mu.Unlock()
	if give {
		return j.putAside(w, "the server fails at it again and again")
	}
	return hinder
}

// asideEntry is a report that is not sent any more.
type asideEntry struct {
	At    time.Time `json:"at"`
	Why   string    `json:"why"`
	Entry work      `json:"entry"`
}

// UnmarshalJSON implements json.Unmarshaler; Entry is for people to read.
func (a *asideEntry) UnmarshalJSON(b []byte) error {
	var shown struct {
		At  time.Time
		Why string
	}
	err := json.Unmarshal(b, &shown)
	a.At, a.Why = shown.At, shown.Why
	return err
}

// putAside keeps w where it is not sent any more.
func (j *Journal) putAside(w work, why string) outcome {
	if len(why) > 200 {
		why = why[:200]
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.turnedLocked()
	now := time.Now()
	put := edit{bucketAside, append(seqKey(uint64(now.UnixNano())), seqKey(j.nextLocked())...), &asideEntry{now, why, w}}
	if b, err := json.Marshal(w); err != nil || len(b) > maxAsideEntry {
		put.value = &asideEntry{now, why, nil}
	}
	e, still := j.strikeLocked(w)
	if !still {
		return done
	}
	if err := j.writeLocked(e, put); err != nil {
		j.log.Warn("a report that was set aside is still in the journal", "reason", err)
	}
	j.aside, j.why = min(j.aside+1, maxAside), why
	j.log.Warn("a report of listening was set aside", "reason", why, "item", w.item(), "reports", w.count())
	return done
}
