package machine

import "time"

// Pauses are the reasons for which the next attempt waits. Each has one
// meaning, and the attempt waits for the longest.
type Pauses struct {
	Failures int // attempts in a row that ended in a temporary failure

	// BackoffUntil follows a temporary failure. A wake-up or the user ends it.
	BackoffUntil time.Time
	// ProbeAt is when the server is asked again about what somebody else can
	// put right. A wake-up or the user ends it.
	ProbeAt time.Time

	// RateLimitedUntil is the word of the server's limiter.
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
func (p Pauses) until() time.Time { return later(later(p.BackoffUntil, p.ProbeAt), p.fixed()) }

// fixed is the end of the longest pause that nobody may shorten.
func (p Pauses) fixed() time.Time {
	return later(later(p.RateLimitedUntil, p.ConfirmAt), later(p.InFlightUntil, p.SpacedUntil))
}

// endWaits ends the pauses that a wake-up or the user may end.
func (p *Pauses) endWaits() {
	p.Failures, p.BackoffUntil, p.ProbeAt = 0, time.Time{}, time.Time{}
}

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
