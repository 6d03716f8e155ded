package machine

import (
	"errors"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// Changing the password is a rotation: from 2.36.0 on it ends every session
// but the one whose refresh token comes with it, and that one gets a new pair
// without grace for the old. So the new password is written down first, and
// an answer that was lost is asked for in three ways: with the old refresh
// token, with the new password once, with the old one once.

// ErrNotChanged is the error of a change after which the password is the old one.
var ErrNotChanged = errors.New("the password was not changed")

// WantedChange is a change of the password that somebody waits for.
type WantedChange struct{ Old, New redact.Secret }

// unresolved reports whether a change was sent whose outcome is not known.
func (m *machine) unresolved() bool {
	intent := m.Record.Intent
	return intent != nil && intent.Purpose == keychain.ChangePassword && m.Record.NewPassword.IsStored()
}

func (m *machine) changeAsked(f ChangeAsked) {
	if m.Change.Wanted != nil {
		return // its asker waits
	}
	m.Change.Err = nil
	switch {
	case f.New == f.Old, m.Closing, m.Phase == Static, m.Phase == NeedsUser, !m.Usable(m.now), m.Record.NewPassword.IsStored():
		m.Change.Err = ErrNotChanged
		return
	}
	m.Change.Wanted, m.Change.RefusedNew = &WantedChange{Old: f.Old, New: f.New}, keychain.Password{}
	m.due()
}

// changeDropped: nobody waits any more. What was sent is still resolved.
func (m *machine) changeDropped() {
	if m.Step != Intending && m.Step != Changing {
		m.Change.Wanted = nil
	}
}

// changeOver ends a change and keeps how it ended for its caller; nil means
// changed.
func (m *machine) changeOver(err error) { m.Change.Wanted, m.Change.Err = nil, err }

// changed: the server took the new password.
func (m *machine) changed(f PasswordChanged) {
	if m.Step != Changing {
		return
	}
	m.learnClock(f.Answer.Meta)
	rec := m.Record
	switch pair := f.Answer.Pair; {
	case !pair.Refresh.Secret.IsEmpty():
		if pair.Access.UserID != rec.UserID || pair.Refresh.UserID != rec.UserID {
			m.changeUnanswered(&absapi.Error{Op: "change password", Verdict: absapi.Temporary, Evidence: "the answer belongs to another user"})
			return
		}
		m.take(&rec, f.Answer, redact.Secret{})
	case m.Rules.PasswordEnds:
		// Something in between took our refresh token away, and the server
		// ended this session with the others.
		m.Lost, m.Phase = true, Recovering
		m.signIn()
		return
	}
	m.takeNewPassword(&rec)
	m.receive(rec)
}

// takeNewPassword makes the new password the stored one, if one is stored.
func (m *machine) takeNewPassword(rec *keychain.Record) {
	if rec.Password.IsStored() {
		rec.Password, rec.PasswordRefused = rec.NewPassword, false
	}
	rec.NewPassword, rec.Intent = keychain.Password{}, nil
	m.Attempt.Outcome = "the password was changed"
	m.changeOver(nil)
}

func (m *machine) changeFailed(f ChangeFailed) {
	if m.Step != Changing {
		return
	}
	m.learnClock(f.Err.Meta)
	switch {
	case f.Err.Unwritten, f.Err.Verdict == absapi.RateLimited, f.Err.Verdict == absapi.BadRequest, f.Err.Verdict == absapi.TokenRejected:
		m.changeOver(f.Err)
		m.askedToWait(f.Err)
		rec := m.Record
		rec.NewPassword, rec.Intent = keychain.Password{}, nil
		m.Step = Withdrawing
		m.do(Commit{Record: rec})
	default:
		m.changeUnanswered(f.Err)
	}
}

// changeUnanswered: the request may still be running. Its outcome is asked for once
// it can no longer be.
func (m *machine) changeUnanswered(err *absapi.Error) {
	m.Pauses.InFlightUntil = m.now.Add(racePause)
	m.temporary(err)
}
