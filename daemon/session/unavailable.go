package session

import (
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/session/machine"
)

// Unavailable is the error of asking for a token when there is none.
type Unavailable struct {
	Condition  health.Condition
	Detail     string
	retryAfter time.Duration
	passes     bool
}

// Error says what is wrong, in words.
func (u *Unavailable) Error() string {
	if u.Detail == "" {
		return u.Condition.Text
	}
	return u.Condition.Text + ": " + u.Detail
}

// Remedy says what the user can do; "" if nothing.
func (u *Unavailable) Remedy() string { return u.Condition.Remedy }

// RetryAfter is when asking again makes sense, at least a second.
func (u *Unavailable) RetryAfter() time.Duration { return max(u.retryAfter, time.Second) }

// Passes reports whether a token may come within seconds: the server is out of reach, or
// an attempt is under way. A wake-up ends every other pause, so RetryAfter may be longer.
func (u *Unavailable) Passes() bool { return u.passes && !u.NeedsUser() }

// passesWithin is how long a pause that nobody may shorten can last for that.
const passesWithin = 10 * time.Second

// NeedsUser reports whether waiting does not help.
func (u *Unavailable) NeedsUser() bool { return u.Condition.Level == health.NeedsUser }

// userPause is what players are told when only the user can go on: to ask each
// second for days would help nobody.
const userPause = time.Minute

// starting is what callers hear before the vault was read for the first time,
// or while an attempt takes longer than they can wait. It never shows on a
// board.
var starting = health.Condition{ID: "renewing", Level: health.Offline, Text: "the session is being renewed"}

// unavailable says why there is no token at now.
func unavailable(s machine.State, now time.Time) *Unavailable {
	u := &Unavailable{Condition: starting, retryAfter: max(0, s.StartAt().Sub(now), s.Suspicion.BrokenUntil.Sub(now))}
	for _, f := range findings(s, now) {
		if u.Condition.ID == starting.ID || f.Level > u.Condition.Level {
			u.Condition, u.Detail = *f.Condition, f.Detail
			if f.Remedy != "" {
				u.Condition.Remedy = f.Remedy
			}
		}
	}
	if u.NeedsUser() && (u.retryAfter == 0 || u.retryAfter > userPause) {
		u.retryAfter = userPause
	}
	u.passes = s.PassesBy(now.Add(passesWithin))
	return u
}
