package machine

import "time"

// Pauses are the reasons for which the next attempt waits. Each has one
// meaning, and the attempt waits for the longest.
type Pauses struct {
	Failures int // attempts in a row that ended in a temporary failure

	// BackoffUntil follows a temporary failure. A wake-up or the user ends it.
	BackoffUntil time.Time
	// PingedAt is when the newest failure was, if its request cost nothing.
	PingedAt time.Time
	// ProbeAt is when the server is asked again about what somebody else can
	// put right. A wake-up or the user ends it.
	ProbeAt time.Time

	// ConfigProbes counts the questions in a row about what a gateway takes out.
	ConfigProbes int

	// SignInAt is when a password is sent again after answers that said nothing
	// about it. The user ends it; a wake-up may shorten it.
	SignInAt time.Time
	// HintUntil is a Retry-After that binds nobody, such as a maintenance
	// page's. A wake-up, a player's request or the user ends it.
	HintUntil time.Time

	// RateLimitedUntil is the word of the server's limiter on a limited route,
	// or of our own budget.
	RateLimitedUntil time.Time
	// ConfirmAt is when a refusal is asked for once more, to be sure.
	ConfirmAt time.Time
	// InFlightUntil is how long an unanswered request may still be running: to
	// race it could bring back a token that is dead already.
	InFlightUntil time.Time
	// SpacedUntil keeps two answers apart that would hold the same token.
	SpacedUntil time.Time
}

// until is the end of the longest pause.
func (p Pauses) until() time.Time {
	return later(later(p.BackoffUntil, p.ProbeAt), later(later(p.HintUntil, p.SignInAt), p.fixed()))
}

// fixed is the end of the longest pause that nobody may shorten.
func (p Pauses) fixed() time.Time {
	return later(later(p.RateLimitedUntil, p.ConfirmAt), later(p.InFlightUntil, p.SpacedUntil))
}

// endWaits ends the pauses that a wake-up or the user may end.
func (p *Pauses) endWaits() {
	p.Failures, p.ConfigProbes = 0, 0
	p.BackoffUntil, p.ProbeAt, p.HintUntil = time.Time{}, time.Time{}, time.Time{}
}

// reached reports whether t has come, by either clock. The wall clock goes on
// while the machine sleeps, and the monotonic one when somebody sets the wall
// clock back.
func reached(now, t time.Time) bool {
	return !now.Before(t) || !now.Round(0).Before(t.Round(0))
}

// onBothClocks returns the wall time t as the same moment on both clocks of now.
func onBothClocks(now, t time.Time) time.Time { return now.Add(t.Round(0).Sub(now.Round(0))) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
