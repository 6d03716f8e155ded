package progress

import (
	"cmp"
	"context"
	"slices"
	"time"

	"shelfkeeper/daemon/order"
)

const (
	// sessionSteps bounds how many steps a session goes in one turn: each is a
	// request or two, and a whole delivery needs five.
	sessionSteps = 8
	// unansweredMost is after how many entries in a row without an answer nothing else
	// is tried: the server is out of reach. One entry alone may be to blame for it: a
	// gateway may refuse its text.
	unansweredMost = 2
	// otherOf is among how many entries another one is looked for then.
	otherOf = 16
)

// turn is an entry whose turn it is. Each caller has two turns in a cycle: one for
// what failed before, or may be unknown to the server, and one for the others. So a
// caller with thousands of reports that the server does not know delays neither
// another caller nor its own reports that the server takes.
type turn struct {
	by     *caller
	failed bool
}

// round is one attempt to deliver everything that waits.
type round struct {
	from       map[*waitList]uint64 // the entries with lower numbers have had their turn, or wait for a session
	held       map[itemID]bool      // items of which an entry waits for a session
	passed     map[itemID]bool      // items of which an entry could not be delivered
	sessions   map[string]bool      // the same, where the item is unknown
	suspects   []entry              // without an answer since the server took something
	unanswered int                  // attempts without an answer, since then
	blocked    bool                 // something could not be delivered
}

func newRound() *round {
	return &round{from: make(map[*waitList]uint64), held: make(map[itemID]bool), passed: make(map[itemID]bool),
		sessions: make(map[string]bool)}
}

// round delivers what waits: the callers in turn, and of each item the oldest
// first. It reports whether to continue at once.
func (j *Journal) round(ctx context.Context) (fine bool) {
	select {
	case <-j.wake: // this round is what it asks for
	default:
	}
	r := newRound()
	for ctx.Err() == nil {
		cycle, bulk := j.cycle(r)
		if len(cycle) == 0 {
			j.lock()
			defer j.unlock()
			return !r.blocked && j.graceLocked() == 0
		}
		for i, w := range cycle {
			if ctx.Err() != nil {
				return false
			}
			if i == bulk { // the others of this cycle had their turn
				j.findPrompt(r)
			}
			if !j.turn(ctx, r, w) {
				return false
			}
		}
	}
	return false
}

// turn delivers one entry. It reports false where the server is out of reach.
func (j *Journal) turn(ctx context.Context, r *round, w entry) (reached bool) {
	if !j.stillWaits(w) {
		return true
	}
	list := []entry{w}
	if c, ok := w.(*change); ok && r.unanswered == 0 {
		if together := j.batchFrom(c); len(together) >= batchLeast {
			list = entriesOf(together)
		}
	}
	out := j.deliver(ctx, w, r.unanswered > 0)
	for n := 1; out == more && isSession(w) && n < sessionSteps; n++ {
		out = j.deliver(ctx, w, false)
	}
	if isSession(w) && !j.mustWait(w) {
		j.goesOn(r, w)
	}
	switch out {
	case later:
		r.blocked = true
		j.pass(r, w)
		r.suspects = append(r.suspects, list...)
		r.unanswered++
		return r.unanswered < unansweredMost
	case blocked:
		r.blocked = true
		if !j.mustWait(w) {
			j.pass(r, w)
		}
	case done, more:
		if r.unanswered > 0 { // the server answers, so these are to blame themselves
			j.goAlone(r.suspects)
			r.suspects, r.unanswered = nil, 0
		}
	}
	return true
}

// goesOn has what waits behind a session looked at again.
func (j *Journal) goesOn(r *round, w entry) {
	j.lock()
	defer j.unlock()
	if r.held[w.item()] {
		delete(r.held, w.item())
		j.entries.goesAgain(w.item())
	}
}

func isSession(w entry) bool { _, is := w.(*listening); return is }

func (j *Journal) pass(r *round, w entry) {
	j.lock()
	defer j.unlock()
	if item := w.item(); item != (itemID{}) {
		r.passed[item] = true
	} else if l, ok := w.(*listening); ok {
		r.sessions[l.ID] = true
	}
}

// deliver takes one entry a step further. Alone, it goes without the others that
// came with it.
func (j *Journal) deliver(ctx context.Context, w entry, alone bool) outcome {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	switch w := w.(type) {
	case *listening:
		return j.deliverSession(ctx, w.ID)
	case *change:
		return j.deliverChange(ctx, w, alone)
	case *offline:
		return j.deliverOffline(ctx, w, alone)
	}
	return blocked
}

// stillWaits reports whether w is still what waits.
func (j *Journal) stillWaits(w entry) bool {
	j.lock()
	defer j.unlock()
	switch w := w.(type) {
	case *change:
		return j.changes.get(w.Seq) == w
	case *offline:
		return j.latest[w.ID] == w
	case *listening:
		l := j.sessions[w.ID]
		return l != nil && l.backlog
	}
	return false
}

// mustWait reports whether w is a session that the server is asked about later.
func (j *Journal) mustWait(w entry) bool {
	j.lock()
	defer j.unlock()
	l, ok := w.(*listening)
	return ok && mustWait(j.sessions[l.ID])
}

func mustWait(l *listening) bool { return l != nil && time.Now().Before(l.askAfter) }

// cycle returns the entries whose turn it is: those of the callers with the least
// first, and the older ones first. From bulk on they are of callers with much.
func (j *Journal) cycle(r *round) (cycle []entry, bulk int) {
	turns := j.turns(r)
	j.lock()
	defer j.unlock()
	cycle = make([]entry, 0, len(turns))
	for _, w := range turns {
		cycle = append(cycle, w)
	}
	order.Stable(cycle, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.by().size, b.by().size), cmp.Compare(a.order(), b.order()))
	})
	cycle = slices.Compact(cycle)
	bulk = slices.IndexFunc(cycle, func(w entry) bool { return w.by().isBulk() })
	return cycle, bulk
}

// findPrompt finds out whether anything waits that is soon delivered.
func (j *Journal) findPrompt(r *round) { j.turns(r) }

// lookMost is how many entries are passed over while others wait for the lock.
const lookMost = 1000

// turns returns the entry of each turn, and says whether one of them is soon
// delivered: it has not failed and its caller has not many.
func (j *Journal) turns(r *round) map[turn]entry {
	for {
		j.lock()
		l := look{j: j, r: r, left: lookMost, turns: make(map[turn]entry), seen: make(map[turn]int)}
		if l.through() {
			j.setPromptLocked(l.prompt)
			j.unlock()
			return l.turns
		}
		j.unlock() // the next look begins where this one has ended
	}
}
