package machine

import (
	"errors"
	"time"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// needed is a player's request without a usable token. It shortens few pauses.
// The user may just have unlocked the keychain and pressed play, but a wrong
// passphrase stays wrong, and each try costs a second of work. A Retry-After
// that is only a hint ends. A disabled account may be asked for once a minute:
// its user may just have been told that it works again.
func (m *machine) needed() {
	m.Pauses.HintUntil = time.Time{}
	if m.Phase == NeedsUser && m.Why == AccountDisabled && reached(m.now, m.Pauses.ProbeAt.Add(playerProbe-disabledProbe)) {
		m.Pauses.ProbeAt = time.Time{}
	}
	if m.Phase == NeedsUser && m.Why == Unrecognised && reached(m.now, m.Pauses.ProbeAt.Add(playerProbe-disabledProbe)) {
		m.Pauses.ProbeAt = time.Time{} // the account's own server may have its address again
	}
	if m.Phase == VaultUnavailable && !errors.Is(m.Trouble, keychain.ErrPassphrase) {
		m.Pauses.BackoffUntil = time.Time{}
	}
	m.rereadIfOlder(rereadSoon)
	if !m.Usable(m.now) || reached(m.now, m.Clocks.AskAheadFrom) {
		m.Wishes.NeededAt = m.now
		m.hurry()
	}
	m.due()
}

// suspected notes a 401. The first one against a token causes one rotation; a
// fresh token that is refused as well is not at fault, and asking for a third
// would only feed the server's ban list.
func (m *machine) suspected(f Suspected) {
	switch {
	case m.Phase == Static:
		if f.Token == m.Record.Static && !m.Suspicion.StaticRefused {
			m.Suspicion.StaticRefused = true
			m.Pauses.ConfirmAt = m.now.Add(checkPause)
		}
		return
	case m.OnEmergencyKey(m.now) && f.Token == m.Record.EmergencyKey:
		m.doubtKey()
		return
	case f.Token != m.Published.Pair.Access.Secret || f.Token == m.Suspicion.Token:
		return
	case !m.Suspicion.RenewedAt.IsZero() && m.now.Sub(m.Suspicion.RenewedAt) < suspicionMemory:
		m.Suspicion.BrokenUntil = m.now.Add(breakerPause)
		return
	}
	m.Suspicion.Token, m.Wishes.Renew = f.Token, true
	m.due()
}

// asked is the user's click: back-off does not count, prompts are allowed, and
// a password that was refused may be tried once more, since the user may have
// seen to it on the server. A click alone does not say whose server answers.
func (m *machine) asked(f Asked) {
	if m.Closing {
		return
	}
	m.Pauses.endWaits()
	m.Pauses.SignInAt = time.Time{}
	m.Suspicion.BrokenUntil, m.Suspicion.RenewedAt, m.Emergency.Refused = time.Time{}, time.Time{}, redact.Secret{}
	m.Attempt.ByUser, m.Wishes.Renew, m.Wishes.SendAgain = true, true, true
	if f.SameServer {
		m.Wishes.SameServerUntil = m.now.Add(wordHolds)
	}
	if m.Lost { // ask the server again, but once is enough this time
		m.Lost, m.Suspicion.InvalidAnswers = false, 1
	}
	switch {
	case m.Busy():
	case m.Phase == VaultUnavailable, m.Phase == SignedOut, m.Why == AnotherUser:
		m.open(true)
	case !m.Record.Static.IsEmpty():
		m.check()
	case !reached(m.now, m.Pauses.fixed()): // Due comes when it ends
		m.Phase = Offline
	default:
		m.begin()
	}
}

// clickAnswered: what the user asked for is done, or is known to be impossible.
func (w *Wishes) clickAnswered() { w.SendAgain, w.SameServerUntil = false, time.Time{} }
