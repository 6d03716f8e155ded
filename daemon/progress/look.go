package progress

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// look finds the entry of each turn. It is used under Journal.lock.
type look struct {
	j      *Journal
	r      *round
	left   int // entries that may be passed over
	turns  map[turn]entry
	seen   map[turn]int
	prompt bool // one of them is soon delivered
}

// through looks through what waits. It reports false where that is too much for once:
// another look goes on.
func (l *look) through() bool {
	for _, c := range l.j.callers {
		for _, failed := range []bool{false, true} {
			for _, of := range c.waits.of(failed) {
				if !l.list(turn{c, failed}, of) {
					return false
				}
			}
		}
	}
	var sessions []*listening
	for _, s := range l.j.sessions { // at most maxSessions wait
		if s.backlog {
			sessions = append(sessions, s)
		}
	}
	slices.SortFunc(sessions, func(a, b *listening) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, s := range sessions {
		l.session(s)
	}
	return true
}

// list finds the entry of a turn in one of its lists: the oldest one that can go now, or
// one of several while the server does not answer.
func (l *look) list(t turn, of *waitList) bool {
	from := l.r.from[of]
	if of.again {
		from, of.again = min(from, of.lowest), false
	}
	l.r.from[of] = from
	ahead := lookMost / otherOf // once there is one
	for w := of.from(from); w != nil && ahead > 0 && !l.full(t); w = of.from(from) {
		oldest := l.oldest(w)
		if oldest != nil {
			l.choose(t, oldest)
		} else if l.left--; l.left < 0 {
			return false
		}
		if from = w.order() + 1; from == 0 {
			break // there is no higher number
		}
		if l.seen[t] > 0 {
			ahead--
		} else {
			l.r.from[of] = from
		}
	}
	return true
}

// session offers a session for the turn that it stands in.
func (l *look) session(s *listening) {
	t := turn{s.By, s.failed()}
	switch {
	case l.full(t):
	case mustWait(s):
		l.prompt = l.prompt || !t.failed && !t.by.isBulk()
	case l.r.sessions[s.ID]:
	default:
		if w := l.oldest(s); w != nil {
			l.choose(t, w)
		}
	}
}

// full reports whether no further entry is looked for.
func (l *look) full(t turn) bool {
	n := l.seen[t]
	return n > 0 && (l.r.unanswered == 0 || n == otherOf)
}

func (l *look) choose(t turn, w entry) {
	l.prompt = l.prompt || !t.failed && !t.by.isBulk()
	if l.seen[t]++; rand.IntN(l.seen[t]) == 0 {
		l.turns[t] = w
	}
}

// oldest returns the oldest entry about the item of w, which may be another caller's:
// the server must see the reports about an item in their order. It returns nil where
// that one has had its turn in this round, or has to wait.
func (l *look) oldest(w entry) entry {
	item := w.item()
	if item == (itemID{}) {
		return w
	}
	if l.r.passed[item] {
		return nil
	}
	if c := l.j.lines.oldestOf(item); c != nil && c.Seq < w.order() {
		w = c
	}
	if o := l.j.offlines.oldestOf(item); o != nil && o.Seq < w.order() {
		w = o
	}
	for _, s := range l.j.sessions { // at most maxSessions wait
		if s.backlog && s.Seq < w.order() && s.item() == item {
			w = s
		}
	}
	if s, ok := w.(*listening); ok && mustWait(s) {
		l.r.held[item] = true
		return nil
	}
	return w
}
