package machine

import (
	"time"

	"shelfkeeper/keychain"
)

const (
	// lookPace is how often a session that only the user can bring back reads
	// the vault: the user may have signed in through a command or a daemon that
	// this process knows nothing of. It costs reading one small file.
	rereadPace = time.Minute
	// lookSoon is the same while somebody waits for a token.
	rereadSoon = 2 * time.Second
)

// stored: another process wrote this account's record. An attempt under way
// has perhaps read the one before, so the vault is read again after it.
func (m *machine) stored() {
	if m.Busy() {
		m.Wishes.Reread = true
		return
	}
	m.open(false)
}

// rereadIfAsked goes on with what arrived during an attempt.
func (m *machine) rereadIfAsked() {
	if m.Wishes.Reread && m.Step == Idle {
		m.open(false)
	}
}

// waitsForOthers reports whether the session can come back only by what another process
// writes.
func (s *State) waitsForOthers() bool { return s.Phase == NeedsUser || s.Phase == SignedOut }

// rereadIfOlder reads the vault if it was read longer ago than that.
func (m *machine) rereadIfOlder(ago time.Duration) {
	if m.waitsForOthers() && !m.Busy() && !m.LastRead.IsZero() && reached(m.now, m.LastRead.Add(ago)) {
		m.open(false)
	}
}

// trackReading keeps when the vault was read last, from the moment on at which only
// reading it can help.
func (m *machine) trackReading() {
	switch {
	case !m.waitsForOthers():
		m.LastRead = time.Time{}
	case m.LastRead.IsZero(), m.LastRead.After(m.now): // or the clock was set back
		m.LastRead = m.now
	}
}

// ofOtherUser reports whether another process has signed this account in as
// another user.
func (m *machine) ofOtherUser(rec keychain.Record) bool {
	return m.Record.UserID != "" && rec.UserID != "" && rec.UserID != m.Record.UserID
}

// otherUserStored ends the session here: its players and grants belong to the
// user that it began with. The next start serves the other one.
func (m *machine) otherUserStored() {
	m.Phase, m.Why, m.Trouble = NeedsUser, AnotherUser, nil
	m.Published, m.Received = Published{}, Received{}
}
