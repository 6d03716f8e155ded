package machine

import (
	"errors"
	"time"

	"shelfkeeper/keychain"
)

// needed is a player at the door. It never shortens a pause but the vault's:
// weather and limits do not pass because somebody waits, but somebody may just
// have unlocked the keychain and pressed play. A passphrase does not change by
// itself, and each try at one costs a second of work.
func (m *machine) needed() {
	if m.Phase == VaultUnavailable && !errors.Is(m.Trouble, keychain.ErrPassphrase) {
		m.NotBefore = time.Time{}
	}
	m.look(lookSoon)
	m.due()
}

// suspected notes a 401. The first one against a token causes one rotation; a
// fresh token that is refused as well is not at fault, and asking for a third
// would only feed the server's ban list.
func (m *machine) suspected(f Suspected) {
	switch {
	case m.Phase == Static:
		if f.Token == m.Record.Static && !m.SeenRefused {
			m.SeenRefused = true
			m.Hold = m.now.Add(checkPause)
		}
		return
	case f.Token != m.Pair.Access.Secret || f.Token == m.Suspect:
		return
	case !m.BornSuspect.IsZero() && m.now.Sub(m.BornSuspect) < suspicionMemory:
		m.BrokenUntil = m.now.Add(breakerPause)
		return
	}
	m.Suspect, m.Urgent = f.Token, true
	m.due()
}

// asked is the user's click: back-off does not count, prompts are allowed, and
// a password that was refused may be tried once more, since the user may have
// seen to it on the server.
func (m *machine) asked() {
	if m.Closing {
		return
	}
	m.Failures, m.NotBefore, m.BrokenUntil, m.BornSuspect = 0, time.Time{}, time.Time{}, time.Time{}
	m.ByUser, m.Urgent, m.MaySendAgain = true, true, true
	if m.Lost { // ask the server again, but once is enough this time
		m.Lost, m.SeenInvalid = false, 1
	}
	switch {
	case m.Busy():
	case m.Phase == VaultUnavailable, m.Phase == SignedOut:
		m.open(true)
	case !m.Record.Static.IsEmpty():
		m.check()
	case m.now.Before(m.Hold): // a limit: Due comes when it ends
		m.Phase = Offline
	default:
		m.begin()
	}
}
