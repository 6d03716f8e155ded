package machine

import (
	"testing"

	"pgregory.net/rapid"
)

// No sequence of events erases a secret, publishes a pair that is not durable,
// presents a token without lock and intent, or sends a refused password again.
func TestNoSequenceBreaksAPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		mayLeave := rapid.IntRange(0, 9).Draw(t, "signs out") == 0
		for range rapid.IntRange(1, 120).Draw(t, "length") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				kind := rapid.IntRange(0, 9).Draw(t, "outside")
				if kind != 5 || mayLeave {
					w.outside(kind)
				}
			case 1:
				w.clock(true)
			case 2, 3:
				w.clock(false)
			default:
				w.answer(rapid.IntRange(0, 9).Draw(t, "outcome"))
			}
		}
	})
}

// Wherever a session got to, once the world is kind again it is fresh within
// minutes, or it waits for a user who really has to act.
func TestEveryStateRecovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 80).Draw(t, "length") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				w.outside(rapid.SampledFrom([]int{0, 1, 2, 4, 6, 7, 8, 9, 9}).Draw(t, "outside"))
			case 1, 2:
				w.clock(false)
			default:
				w.answer(rapid.IntRange(0, 9).Draw(t, "outcome"))
			}
		}
		start := w.now
		for range 200 {
			st := w.state
			if !st.Busy() && (st.Phase == Fresh || st.Phase == Static && !st.Suspicion.StaticRefused) &&
				st.Usable(w.now) && !st.Wishes.Renew {
				return
			}
			if !st.Busy() && st.Phase == Fresh && st.RenewedOnUse() && st.Wishes.NeededAt.IsZero() {
				w.feed(Needed{}) // whoever comes next is served
				continue
			}
			if st.Phase == NeedsUser && !st.Why.Probed() {
				if st.Why == SessionLost && w.disk.Password.IsStored() || st.Why == PasswordRefused && !w.disk.PasswordRefused {
					t.Fatalf("the user is asked for nothing: %v", st.Why)
				}
				return
			}
			if len(w.pending) > 0 {
				w.answer(0)
			} else {
				w.clock(false)
			}
		}
		t.Fatalf("stuck in %v since %v: %+v", w.state.Describe(), w.now.Sub(start), w.state)
	})
}
