package health

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// boardStep is one step of a sequence.
type boardStep struct {
	what, seconds    int
	condition, other *Condition
}

func (s boardStep) do(b *Board) {
	switch s.what {
	case 0:
		b.Raise(s.condition, "")
	case 1:
		b.Clear(s.condition, s.other)
	case 2:
		b.Replace([]*Condition{s.condition, s.other}, []Finding{{Condition: s.other}})
	case 3:
		time.Sleep(time.Duration(s.seconds) * time.Second)
	}
}

// Whatever is raised and cleared in whatever order: a level gets better only
// when nothing that is known is worse, it never shows worse than what holds, and
// what has lasted for its hold shows.
func TestALevelNeverGetsBetterForWantOfNews(t *testing.T) {
	step := rapid.Custom(func(r *rapid.T) boardStep {
		return boardStep{rapid.IntRange(0, 3).Draw(r, "what"), rapid.IntRange(1, 70).Draw(r, "seconds"),
			rapid.SampledFrom(declared).Draw(r, "condition"), rapid.SampledFrom(declared).Draw(r, "other")}
	})
	rapid.Check(t, func(r *rapid.T) {
		steps := rapid.SliceOfN(step, 1, 40).Draw(r, "steps")
		var wrong error
		synctest.Test(t, func(*testing.T) {
			b, before := NewBoard(), OK
			for i := 0; i < len(steps) && wrong == nil; i++ {
				steps[i].do(b)
				v, next, _ := b.View()
				wrong = checkView(b, before, v, next)
				before = v.Level
			}
		})
		if wrong != nil {
			r.Fatal(wrong)
		}
	})
}

func checkView(b *Board, before Level, v View, next time.Time) error {
	worst, due := OK, OK
	for c, a := range b.active {
		worst = max(worst, c.Level)
		if time.Since(a.since) >= c.Hold {
			due = max(due, c.Level)
		}
	}
	switch {
	case v.Level < before && v.Level < worst:
		return fmt.Errorf("from %v to %v while something %v is known", before, v.Level, worst)
	case v.Level < due:
		return fmt.Errorf("shows %v, and something %v has lasted for its hold", v.Level, due)
	case v.Level > worst:
		return fmt.Errorf("shows %v, and nothing is worse than %v", v.Level, worst)
	case v.Level > before && v.Level > due:
		return fmt.Errorf("shows %v after %v before anything has lasted that long", v.Level, before)
	case (v.Level == OK) != (v.Reason == ""):
		return fmt.Errorf("%v for the reason %q", v.Level, v.Reason)
	case v.Level < worst && next.IsZero():
		return fmt.Errorf("nobody looks again, and something %v is known", worst)
	}
	return nil
}

// A keychain that is locked and then gone: no moment between is called well.
func TestOneTroubleAfterAnotherIsNoRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := []*Condition{&VaultLocked, &VaultAbsent, &VaultHanging}
		b := NewBoard()
		b.Replace(vault, []Finding{{Condition: &VaultLocked}})
		since := time.Now()
		time.Sleep(time.Minute)
		b.Replace(vault, []Finding{{Condition: &VaultAbsent}})
		if v, _, _ := b.View(); v.Level != NeedsUser || v.Condition != VaultAbsent.ID || !v.Since.Equal(since) {
			t.Errorf("gone: %+v", v)
		}
		b.Replace(vault, []Finding{{Condition: &VaultHanging}})
		if v, _, _ := b.View(); v.Level != Offline || v.Condition != VaultHanging.ID {
			t.Errorf("hanging: %+v", v)
		}
		b.Replace(vault, nil)
		if v, _, _ := b.View(); v.Level != OK {
			t.Errorf("at last: %+v", v)
		}
	})
}
