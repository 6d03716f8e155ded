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
	now, was := active{time.Now(), detail, remedy}, b.active[c]
	if !was.since.IsZero() {
		now.since = was.since
		if was.detail == detail && was.remedy == remedy {
			return
		}
	}
	b.active[c] = now
	b.changedLocked()
}

// Clear says that c does not hold any more.
func (b *Board) Clear(cs ...*Condition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed := false
	for _, c := range cs {
		if _, ok := b.active[c]; ok {
			delete(b.active, c)
			changed = true
		}
	}
	if changed {
		b.changedLocked()
	}
}

// Only makes c, or none for nil, the one condition that holds among group.
func (b *Board) Only(group []*Condition, c *Condition, detail string) {
	var others []*Condition
	for _, g := range group {
		if g != c {
			others = append(others, g)
		}
	}
	b.Clear(others...)
	if c != nil {
		b.Raise(c, detail)
	}
}

func (b *Board) changedLocked() {
	close(b.ready)
	b.ready = make(chan struct{})
}

// View returns what shows now, when that will change by itself (zero: not
// unless something is raised or cleared), and a channel that is closed at the
// next Raise or Clear that changed something.
func (b *Board) View() (v View, next time.Time, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	worst := View{Level: OK}
	for _, c := range declared {
		a, ok := b.active[c]
		if !ok {
			continue
		}
		if visible := a.since.Add(c.Hold); now.Before(visible) {
			if next.IsZero() || visible.Before(next) {
				next = visible
			}
			continue
		}
		if c.Level > worst.Level {
			worst = View{Level: c.Level, Condition: c.ID, Reason: join(c.Text, a.detail), Remedy: cmp.Or(a.remedy, c.Remedy)}
		}
	}
	worst.Since = b.shown.Since
	if worst.Level != b.shown.Level {
		worst.Since = now
	}
	b.shown = worst
	return worst, next, b.ready
}

func join(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + ": " + detail
}
