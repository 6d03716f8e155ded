package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
)

// temporary ends an attempt that learned nothing about the token.
func (m *machine) temporary(err *absapi.Error) {
	if ownBudget(err) && m.Why.Probed() {
		m.askedToWait(err) // what only the user can mend is as it was: nobody was asked
		m.giveUp(m.Why)
		return
	}
	if m.Why.Probed() {
		m.Why = NoReason // whether it still holds is not known now
	}
	m.Failure = err
	if !ownBudget(err) {
		m.Answered, m.ProvenAt = err, time.Time{}
	}
	m.Pauses.Failures++
	m.askedToWait(err)
	pause := backoff(m.Pauses.Failures, m.jitter)
	if m.countedByLimiter() && !err.Unwritten {
		// The server's limiter may have counted it: a gateway that lets pings
		// through and nothing else must not use up within seconds what is
		// allowed in ten minutes.
		pause = 2 * backoff(m.presented()+1, m.jitter)
		if m.hurried() && m.presented() <= 1 && !m.Pauses.InFlightUntil.Before(m.now) {
			pause = 0 // the request that may be running is waited for
		}
		m.Pauses.PingedAt = time.Time{}
	} else {
		m.Pauses.PingedAt = m.now
		if m.hurried() {
			pause = min(pause, hurriedPing)
		}
	}
	m.pause(m.withinGrace(pause), err.Evidence)
}

// mostHint bounds a Retry-After that is no limiter's word: a maintenance page
// may ask for an hour and be gone in a minute.
const mostHint = 2 * time.Minute

// askedToWait obeys a Retry-After. Only the server's limiter on a route that it
// guards, and our own budget, are limits that nobody may shorten.
func (m *machine) askedToWait(err *absapi.Error) {
	switch {
	case err.RetryAfter <= 0:
	case err.Verdict == absapi.RateLimited && (ownBudget(err) || m.countedByLimiter() && !err.Unwritten):
		m.Pauses.RateLimitedUntil = later(m.Pauses.RateLimitedUntil, m.now.Add(err.RetryAfter))
	default:
		m.Pauses.HintUntil = m.now.Add(min(err.RetryAfter, mostHint))
	}
}

// ownBudget reports whether a request was not made because of our own budget.
func ownBudget(err *absapi.Error) bool {
	return err.Verdict == absapi.RateLimited && err.Status == 0
}

// withinGrace shortens a pause that would end after the server has forgotten a
// token which it may have rotated: back-off would cost the session then, and
// one request more costs little. Once that try was made, nothing is hurried.
func (m *machine) withinGrace(pause time.Duration) time.Duration {
	intent := m.Record.Intent
	if intent == nil || m.Rules.Grace == 0 {
		return pause
	}
	left := intent.Since.Add(m.Rules.Grace - lastTry).Sub(m.now.Round(0))
	if left <= 0 || left > pause {
		return pause
	}
	return left
}

// presented is how often the secret of this attempt was presented in vain, as
// far as that was written down. Pings that failed before are no part of it: a
// long outage must not keep a lost answer from being asked for while the
// server still has it.
func (m *machine) presented() int {
	if m.Record.Intent == nil {
		return m.Pauses.Failures
	}
	return m.Record.Intent.Attempt
}

// countedByLimiter reports whether the step under way is one that the limiter counts.
func (m *machine) countedByLimiter() bool {
	return m.Step == Refreshing || m.Step == SigningIn || m.Step == Changing
}
