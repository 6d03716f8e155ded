package progress

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// BenchmarkCycle is how long others wait while the next entries are chosen.
func BenchmarkCycle(b *testing.B) {
	for _, n := range []int{200, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			j := New(Config{UserID: "u"})
			for i := range n {
				j.apply(record{Change: &change{Seq: uint64(i + 1), Item: unknownItem(i), Body: `{"currentTime":5}`, Count: 1,
					By: &caller{name: "mad"}}})
			}
			b.ResetTimer()
			for range b.N {
				j.cycle(newRound())
			}
		})
	}
}

// What the lists offer is what a look through all that waits would find: of each caller
// and turn the oldest entry that can go, updates before offline sessions before sessions.
func TestLookFindsWhatWaits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		j := New(Config{UserID: "u", Dir: filepath.Join(t.TempDir(), "none")})
		r := newRound()
		callers := []string{"", "calm", "mad"}
		item := func() string { return fmt.Sprint("item", rapid.IntRange(0, 5).Draw(rt, "item")) }
		by := func() *caller { return &caller{name: rapid.SampledFrom(callers).Draw(rt, "caller")} }
		for range rapid.IntRange(1, 80).Draw(rt, "moves") {
			switch rapid.IntRange(0, 9).Draw(rt, "move") {
			case 0, 1, 2:
				j.apply(record{Change: &change{Seq: j.nextSeq(), Item: item(), Body: `{}`, Count: 1, By: by()}})
			case 3:
				o := &offline{Seq: j.nextSeq(), Item: item(), Session: `{}`, Count: 1, By: by()}
				o.ID = fmt.Sprint("o", rapid.IntRange(0, 5).Draw(rt, "offline"))
				j.apply(record{Offline: o})
			case 4:
				n := rapid.IntRange(0, 3).Draw(rt, "session")
				l := &listening{ID: fmt.Sprint("s", n)}
				l.By, l.Seq, l.Known, l.backlog = by(), j.nextSeq(), rapid.Bool().Draw(rt, "known"), true
				l.Info = &info{Item: fmt.Sprint("item", n)} // it never changes
				if rapid.Bool().Draw(rt, "must wait") {
					l.askAfter = time.Now().Add(time.Hour)
				}
				j.apply(record{Session: l})
				j.goesOn(r, l) // as after its turn
			case 5: // one is delivered
				if list := j.everything(); len(list) > 0 {
					w := rapid.SampledFrom(list).Draw(rt, "which")
					if gone, still := j.removalLocked(w); still {
						j.apply(gone)
						if isSession(w) {
							j.goesOn(r, w)
						}
					}
				}
			case 6: // one fails
				if list := j.everything(); len(list) > 0 {
					w := rapid.SampledFrom(list).Draw(rt, "which")
					if c, ok := w.(*change); ok {
						failing(c, func() { c.alone = true })
					} else if tries := j.attemptsLocked(w); tries != nil {
						failing(w, func() { tries.Tries++ })
					}
					j.pass(r, w)
				}
			case 7:
				r = newRound()
			case 8: // a session that the server was at work on had its turn
				for _, l := range j.sessions {
					l.askAfter = time.Time{}
					j.goesOn(r, l)
				}
			}
			got, want := j.turns(r), j.bruteTurns(r)
			for t, w := range want {
				if got[t] != w {
					rt.Fatalf("%q, failed %v: %v, want %v", t.by.name, t.failed, got[t], w)
				}
			}
			if len(got) != len(want) {
				rt.Fatalf("%d turns, want %d", len(got), len(want))
			}
		}
	})
}

// everything is all that waits, in the order in which kinds are offered.
func (j *Journal) everything() (all []entry) {
	for c := range j.changes.all() {
		all = append(all, c)
	}
	for o := range j.entries.offline.all() {
		all = append(all, o)
	}
	var sessions []entry
	for seq := range j.seq + 1 {
		for _, l := range j.sessions {
			if l.backlog && l.Seq == seq {
				sessions = append(sessions, l)
			}
		}
	}
	return append(all, sessions...)
}

// bruteTurns looks through everything.
func (j *Journal) bruteTurns(r *round) map[turn]entry {
	turns := make(map[turn]entry)
	for _, w := range j.everything() {
		t := turn{w.by(), w.failed()}
		l, isSession := w.(*listening)
		if turns[t] != nil || r.passed[w.item()] || isSession && (mustWait(l) || r.sessions[l.ID]) {
			continue
		}
		oldest := w
		for _, other := range j.everything() {
			if other.item() == w.item() && other.order() < oldest.order() {
				oldest = other
			}
		}
		if l, ok := oldest.(*listening); ok && mustWait(l) {
			continue
		}
		turns[t] = oldest
	}
	return turns
}
