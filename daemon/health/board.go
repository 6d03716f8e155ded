package health

import (
	"cmp"
	"sync"
	"time"
)

// Board holds the conditions of one account. It is safe for concurrent use.
// It starts no timer: View says when to look again.
type Board struct {
	mu     sync.Mutex
	active map[*Condition]active
	shown  View
	ready  chan struct{} // closed and replaced at each change
}

type active struct {
	since          time.Time
	detail, remedy string
}

// View is what a person sees of a Board at one moment.
type View struct {
	Level     Level
	Condition string    // ID of the condition behind Level, "" when OK
	Reason    string    // in words, "" when OK
	Remedy    string    // "" if there is nothing to do
	Since     time.Time // when Level began to show
}

// NewBoard returns a Board without conditions.
func NewBoard() *Board {
	return &Board{active: make(map[*Condition]active), shown: View{Since: time.Now()}, ready: make(chan struct{})}
}

// Raise says that c holds, with a detail that is appended to its text
// ("connection refused"). Raising a condition again renews its detail and
// keeps the time at which it began.
func (b *Board) Raise(c *Condition, detail string) { b.RaiseWith(c, detail, "") }

// RaiseWith is Raise with a remedy that fits better than the condition's own;
// empty for that one.
func (b *Board) RaiseWith(c *Condition, detail, remedy string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.lookLocked(now)
	is, was := active{now, detail, remedy}, b.active[c]
	if !was.since.IsZero() {
		is.since = was.since
		if is == was {
			return
		}
	}
	b.active[c] = is
	b.changedLocked(now)
}

// Finding is a condition that holds, with its detail and, where the condition's
// own is not the best one, its remedy.
type Finding struct {
	*Condition
	Detail, Remedy string
}

// Replace makes found the conditions of group that hold. It is one change: no
// View lies between the end of one condition and the beginning of another.
func (b *Board) Replace(group []*Condition, found []Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.lookLocked(now)
	holds := make(map[*Condition]Finding, len(found))
	for _, f := range found {
		holds[f.Condition] = f
	}
	changed := false
	for _, c := range group {
		was, ok := b.active[c]
		f, holds := holds[c]
		is := active{now, f.Detail, f.Remedy}
		if ok {
			is.since = was.since
		}
		switch {
		case holds && is != was:
			b.active[c] = is
		case !holds && ok:
			delete(b.active, c)
		default:
			continue
		}
		changed = true
	}
	if changed {
		b.changedLocked(now)
	}
}

// Clear says that c does not hold any more.
func (b *Board) Clear(cs ...*Condition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.lookLocked(now)
	changed := false
	for _, c := range cs {
		if _, ok := b.active[c]; ok {
			delete(b.active, c)
			changed = true
		}
	}
	if changed {
		b.changedLocked(now)
	}
}

func (b *Board) changedLocked(now time.Time) {
	b.lookLocked(now)
	close(b.ready)
	b.ready = make(chan struct{})
}

// View returns what shows now, when that will change by itself (zero: not
// unless something is raised or cleared), and a channel that is closed at the
// next Raise or Clear that changed something.
//
// A level gets worse when a condition has lasted for its hold. It gets better
// only when no condition that is known says otherwise: a hold keeps a short
// trouble from the user, and never hides that one trouble follows another.
func (b *Board) View() (v View, next time.Time, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next = b.lookLocked(time.Now())
	return b.shown, next, b.ready
}

// lookLocked brings what is shown up to now, and returns when the next condition
// has lasted for its hold.
func (b *Board) lookLocked(now time.Time) (next time.Time) {
	level, waiting := OK, OK // of what has lasted for its hold, and of what has not
	for c, a := range b.active {
		if visible := a.since.Add(c.Hold); now.Before(visible) {
			waiting = max(waiting, c.Level)
			if next.IsZero() || visible.Before(next) {
				next = visible
			}
			continue
		}
		level = max(level, c.Level)
	}
	level = max(level, min(b.shown.Level, waiting))
	worst := View{Level: level, Since: b.shown.Since}
	if c, a := b.reasonLocked(level); c != nil {
		worst.Condition, worst.Reason, worst.Remedy = c.ID, join(c.Text, a.detail), cmp.Or(a.remedy, c.Remedy)
	}
	if level != b.shown.Level {
		worst.Since = now
	}
	b.shown = worst
	return next
}

// reasonLocked returns the gravest condition of a level. A hold guards the level
// and not its reason. Where the level is only kept until a worse one begins to
// show, the first worse condition is the reason.
func (b *Board) reasonLocked(level Level) (reason *Condition, a active) {
	if level == OK {
		return nil, active{}
	}
	for _, c := range declared {
		at, ok := b.active[c]
		switch {
		case !ok || c.Level < level:
		case c.Level == level:
			return c, at
		case reason == nil:
			reason, a = c, at
		}
	}
	return reason, a
}

func join(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + ": " + detail
}
