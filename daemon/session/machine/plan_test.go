package machine

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever has happened, the machine is woken when it has something to do, and
// not before: Due at the planned time makes progress, and earlier it does
// nothing at all.
func TestPlanIsWhatDueDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 100).Draw(t, "length") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1:
				w.outside(rapid.SampledFrom([]int{0, 1, 2, 3, 6, 7, 8, 9, 9}).Draw(t, "outside"))
			case 2:
				w.clock(true)
			case 3, 4:
				w.clock(false)
			default:
				w.answer(rapid.IntRange(0, 9).Draw(t, "outcome"))
			}
			w.holdsItsPlan()
		}
	})
}

func (w *world) holdsItsPlan() {
	at, do := w.state.plan()
	if do == nothing {
		at = w.now.Add(365 * 24 * time.Hour)
	}
	if early := at.Add(-time.Millisecond); early.After(w.now) {
		after, effects := Next(w.state, Event{At: early, Jitter: 0.5, Fact: Due{}})
		if len(effects) > 0 || !reflect.DeepEqual(after, w.state) {
			w.t.Fatalf("%v: task %d is planned for %v, and before it Due does %#v", w.state.Describe(), do, at, effects)
		}
	}
	if do == nothing {
		return
	}
	now := later(at, w.now)
	after, effects := Next(w.state, Event{At: now, Jitter: 0.5, Unserved: w.unserved, Fact: Due{}})
	next, then := after.plan()
	if then != nothing && !next.After(now) {
		w.t.Fatalf("%v: after task %d the plan is in the past: task %d, %v", w.state.Describe(), do, then, now.Sub(next))
	}
	// A need that has passed may be all that is left to do.
	same := after.Pauses == w.state.Pauses && after.Idle == w.state.Idle && after.Wishes.NeededAt.Equal(w.state.Wishes.NeededAt)
	if len(effects) == 0 && do != endBreaker && same {
		w.t.Fatalf("%v: task %d was due and did nothing: %v", w.state.Describe(), do, after.Describe())
	}
}
