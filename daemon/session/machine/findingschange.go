package machine

import "time"

// FindingsChangeAt returns the next moment after now at which time alone changes
// what people are told about the session; zero if there is none.
func (s *State) FindingsChangeAt(now time.Time) time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if !reached(now, t) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	sooner(s.Suspicion.BrokenUntil)
	if s.OnEmergencyKey(now) {
		sooner(s.Emergency.EndsAt)
		return at
	}
	if s.Usable(now) && s.Phase != Static && !s.RenewsOnDemand(now) {
		sooner(s.Clocks.UsableUntil)
		sooner(s.Clocks.UsableForAtMost)
	}
	return at
}
