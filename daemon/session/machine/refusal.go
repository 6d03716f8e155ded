package machine

import (
	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/history"
	"shelfkeeper/keychain"
)

// refreshFailed sorts an answer without a pair: see the table of
// /auth/refresh in absapi.
func (m *machine) refreshFailed(f RefreshFailed) {
	if m.Step != Refreshing {
		return
	}
	m.learnClock(f.Err.Meta)
	switch f.Err.Verdict {
	case absapi.RefreshExpired:
		m.refused(f.Err)
	case absapi.RefreshInvalid:
		seen := &m.Suspicion.InvalidAnswers
		if m.OfSpare() {
			seen = &m.Spare.InvalidAnswers
		}
		if *seen++; *seen < 2 {
			m.Failure = f.Err
			m.Pauses.ConfirmAt = m.now.Add(confirmPause)
			m.pause(confirmPause, "asking once more: "+f.Err.Evidence)
			return
		}
		stranger := f.Evidence.AccessToken == history.NotAccepted || m.Suspicion.Unrecognised && m.Plain
		if stranger && !m.OfSpare() && !m.Wishes.SendAgain {
			m.unrecognised(f.Err)
			return
		}
		if f.Evidence.Username != "" && !m.OfSpare() {
			// A new name ends sessions, and the password goes with the new one.
			m.Record.Username = f.Evidence.Username
		}
		m.refused(f.Err)
	case absapi.UserInactive:
		m.Pauses.ProbeAt = m.now.Add(disabledProbe)
		m.giveUp(AccountDisabled)
	case absapi.HeaderEaten:
		m.Pauses.ProbeAt = m.now.Add(configProbe)
		m.giveUp(HeaderEaten)
	default:
		m.unanswered(f.Err)
	}
}

// ofSpare reports whether the spare was presented.
func (s State) OfSpare() bool {
	return s.Attempt.Aim == keychain.RenewSpare || s.Attempt.Aim == keychain.PromoteSpare
}

// refused: the token that was presented is authentically dead.
func (m *machine) refused(err *absapi.Error) {
	if m.OfSpare() {
		m.discardSpare(err)
		return
	}
	m.recover(err)
}

// unanswered decides when the same token may be presented again. Once, at
// once, if that is safe: the request never left, or the server still answers
// a token that it has rotated. How many pings failed before does not matter: a
// grace window may have just begun. Otherwise the first request may still be
// running, and racing it could bring back a token that is dead already.
func (m *machine) unanswered(err *absapi.Error) {
	safe := err.Unwritten || m.Rules.Grace > 0
	if safe && err.Verdict == absapi.Temporary && err.Status == 0 && m.Attempt.Retries == 0 && m.presented() <= 1 && !m.Closing {
		m.Attempt.Retries++
		m.ping() // what was lost before is lost again, what was due is due
		return
	}
	if !safe && err.Verdict != absapi.RateLimited {
		m.Pauses.InFlightUntil = m.now.Add(racePause)
	}
	m.temporary(err)
}
