package session

import "time"

// turnsAt returns the next moment after now at which findings says something
// else though nothing happens; zero if there is none.
func (s State) turnsAt(now time.Time) time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	sooner(s.BrokenUntil)
	if s.usable(now) && s.Phase != Static && (s.Trouble != nil || s.Weather != nil) {
		sooner(s.Usable)
		sooner(s.UsableAtMost)
	}
	return at
}
