package machine

import (
	"errors"

	"shelfkeeper/keychain"
)

// signOutAsked waits for an attempt in flight: a logout that overtakes a
// refresh would delete by a token that is no longer the current one.
func (m *machine) signOutAsked() {
	if m.Closing || m.Step == Erasing {
		return
	}
	m.Wishes.SignOut, m.Wishes.SignOutErr = true, nil
	if !m.Busy() {
		m.signOutIfAsked()
	}
}

func (m *machine) signOutIfAsked() {
	if m.Wishes.SignOut && m.Step == Idle && !m.Closing {
		m.Wishes.SignOut, m.Step = false, Erasing
		m.do(Erase{Tokens: append(m.Record.Spares(), m.Record.Refresh), EmergencyKey: m.Record.EmergencyKey})
	}
	m.rereadIfAsked()
}

// erased: a sign-out is over. One that is durable but has left something in a
// keychain that does not answer is over for players, and an error for the user.
func (m *machine) erased(f Erased) {
	if m.Step != Erasing {
		return
	}
	m.Step = Idle
	if f.Err == nil || errors.Is(f.Err, keychain.ErrSlotPending) {
		m.forget()
		m.Trouble = f.Err // something may be left in a keychain
	}
	m.Wishes.SignOutErr = f.Err
	m.rereadIfAsked()
}

// cancelSignOut withdraws a sign-out that has not begun.
func (m *machine) cancelSignOut() { m.Wishes.SignOut = false }

// closed lets no new attempt begin. A pair that waits for space on the disk is
// tried once more, since the server has spent the one before.
func (m *machine) closed() {
	m.Closing = true
	if m.Received.Record != nil && !m.Busy() {
		m.Step = Acquiring
		m.do(Acquire{})
	}
}
