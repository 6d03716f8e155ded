package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
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
		if m.OfSpare() {
			m.Spare.InvalidAnswers++
			m.judge(f.Err, f.Evidence)
			return
		}
		if m.Suspicion.InvalidAnswers++; m.Suspicion.InvalidAnswers < 2 && !m.RefusalExplained(m.now) {
			m.confirm(f.Err)
			return
		}
		m.judge(f.Err, f.Evidence)
	case absapi.UserInactive:
		m.Pauses.ProbeAt = m.now.Add(disabledProbe)
		m.giveUp(AccountDisabled)
	case absapi.HeaderEaten:
		if m.mayGoByCookie() {
			m.Suspicion.AlsoCookie = true
			m.Attempt.Retries++
			m.ping() // the server saw no token, so that nothing was presented
			return
		}
		m.Pauses.ConfigProbes++
		m.Pauses.ProbeAt = m.now.Add(configPause(m.Pauses.ConfigProbes, f.Err.Meta))
		m.giveUp(HeaderEaten)
	default:
		m.unanswered(f.Err)
	}
}

// confirm has the same token presented once more: ABS says that it is invalid for
// errors of its own, too.
func (m *machine) confirm(err *absapi.Error) {
	m.Failure = err
	m.Pauses.ConfirmAt = m.now.Add(confirmPause)
	m.pause(confirmPause, "asking once more: "+err.Evidence)
}

// configPause is how long until a gateway's configuration is asked about again.
func configPause(asked int, limiter absapi.Meta) time.Duration {
	if l := limiter.Limit; asked <= quickProbes || !l.Present && limiter.Direct || l.Limit >= roomyLimit && l.Window <= 10*time.Minute {
		return configProbe
	}
	return lastingProbe
}

// mayGoByCookie reports whether the token may travel in the server's own cookie as
// well, since a gateway takes the header out. The new token then comes in a cookie,
// too: where a gateway took that out of the answer, the pair would be lost. So it must
// be known to pass, or the session must come back by itself.
func (m *machine) mayGoByCookie() bool {
	return !m.Suspicion.AlsoCookie && !m.Closing && m.Attempt.Retries == 0 && (m.Suspicion.CookiePasses || m.comesBack())
}

// learnCookie notes in which way the refresh token came.
func (m *machine) learnCookie(a absapi.Answer) {
	m.Suspicion.AlsoCookie, m.Suspicion.CookiePasses = a.ByCookie, a.CookiePasses
}

// RefusalExplained reports whether a refusal of the pair says nothing surprising:
// an earlier answer was lost, the server repeats none any more, and the session
// comes back by itself. Asking once more would use up the budget that it needs for
// that.
func (s *State) RefusalExplained(now time.Time) bool {
	i := s.Record.Intent
	return i != nil && i.Attempt > 1 && !s.OfSpare() && s.comesBack() && reached(now, i.Since.Add(s.Rules.Grace))
}

// judge decides what a refresh token that was refused is worth, by what is known of
// the server that refused it. Where TLS vouches for the server, the user's click is
// enough to send the password; elsewhere it takes the user's word that it is the
// account's own server.
func (m *machine) judge(err *absapi.Error, e Evidence) {
	m.Suspicion.Undecided = nil
	if m.mayBeStrangers() {
		asked := m.Wishes.SendAgain
		switch {
		case e.Server == Unknown && m.spareTells():
			m.lose(err, time.Time{})
			return
		case e.Server == Stranger && (m.Plain || !e.Expired),
			// Somebody waits for the answer, so that there is one now.
			e.Server == Unknown && m.Plain && asked && !m.Record.Access.IsEmpty():
			m.unrecognised(err)
			return
		case e.Server == Unknown && m.Plain && !m.Record.Access.IsEmpty():
			// Whose server this is decides about a password that somebody may be
			// waiting for, or about a spare: it is asked again soon.
			m.Suspicion.Undecided, m.Step = err, Recognising
			m.temporary(err)
			return
		}
	}
	if e.Server == Own && m.OfSpare() {
		m.Suspicion.JudgedAt = m.now
	}
	if e.Username != "" && !m.OfSpare() {
		// A new name ends sessions, and the password goes with the new one.
		m.Record.Username = e.Username
	}
	if m.OfSpare() && m.Spare.InvalidAnswers < 2 {
		m.confirm(err)
		return
	}
	m.refused(err)
}

// mayBeStrangers reports whether the refusal may be another server's.
func (m *machine) mayBeStrangers() bool {
	return !m.vouched() && (!m.OfSpare() || m.Plain && !m.judgedLately(m.now))
}

// vouched reports whether the server may get the password although nothing shows
// that it is the account's own.
func (m *machine) vouched() bool {
	return !m.Plain && m.Wishes.SendAgain || !reached(m.now, m.Wishes.SameServerUntil)
}

// recognised goes on with a refusal that could not be judged at once.
func (m *machine) recognised(f Recognised) {
	if m.Step == Recognising {
		m.judge(m.Suspicion.Undecided, f.Evidence)
	}
}

// OfSpare reports whether the spare was presented.
func (s *State) OfSpare() bool {
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
		m.race()
	}
	m.temporary(err)
}
