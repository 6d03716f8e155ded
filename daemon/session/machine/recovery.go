package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// recover goes on after an authentic rejection of the refresh token, within
// the same attempt and on the same connection.
func (m *machine) recover(err *absapi.Error) { m.lose(err, m.now) }

// lose goes on without the pair. judged is when its refusal was taken for the server's
// own; zero while that is not known, and then nothing but a spare is presented.
func (m *machine) lose(err *absapi.Error, judged time.Time) {
	m.Failure, m.Lost, m.Phase, m.Suspicion.JudgedAt = err, true, Recovering, judged
	m.replace()
}

// signIn sends a password: that of a change whose outcome is open, else the
// stored one.
func (m *machine) signIn() {
	rec := m.Record
	switch {
	case m.stopping():
	case rec.NewPassword.IsStored():
		m.Step, m.Attempt.SentPassword = SigningIn, rec.NewPassword
		m.do(m.loginOf(rec.NewPassword))
	case !rec.Password.IsStored() && !rec.Static.IsEmpty():
		m.giveUp(TokenRefused)
	case !rec.Password.IsStored():
		m.readEmergencyKey()
		m.giveUp(SessionLost)
	case rec.PasswordRefused && !m.Wishes.SendAgain:
		m.giveUp(PasswordRefused)
	default:
		m.Step, m.Attempt.SentPassword = SigningIn, rec.Password
		m.Wishes.clickAnswered()
		m.do(m.loginOf(rec.Password))
	}
}

// loginOf is the sign-in with a password of the account.
func (m *machine) loginOf(password keychain.Password) Login {
	return Login{
		UserID: m.Record.UserID, Username: m.Record.Username, Password: password.Secret(),
		Legacy: !m.Record.Static.IsEmpty(), ByUser: m.Attempt.ByUser,
	}
}

func (m *machine) loggedIn(f LoggedIn) {
	if m.Step != SigningIn {
		return
	}
	m.learnClock(f.Answer.Meta)
	m.learnVersion(f.Answer)
	m.proven()
	if f.Answer.UserID != m.Record.UserID {
		m.giveUp(OtherUser)
		return
	}
	m.Counts.Logins++
	if !m.Record.Static.IsEmpty() && f.Answer.Pair.Refresh.Secret.IsEmpty() && f.Answer.Legacy == m.Record.Static {
		m.Suspicion.Fruitless, m.Lost = m.Record.Static, false
		m.Pauses.ProbeAt = m.now.Add(disabledProbe)
		m.giveUp(TokenRefused)
		return
	}
	rec := m.Record
	m.Attempt.Outcome = "signed in again with the stored password"
	if !rec.NewPassword.IsStored() {
		rec.PasswordRefused = false // it was just accepted
	} else {
		m.takeNewPassword(&rec)
	}
	if !m.Lost {
		m.Attempt.Replaced = rec.Refresh // this session was alive
	} else if rec.SessionID != "" {
		rec.Orphan = rec.SessionID
	}
	rec.SessionID = ""
	m.take(&rec, f.Answer, redact.Secret{})
	m.receive(rec)
}

// loginFailed writes a refusal down before anything else. A crash in the
// milliseconds between the answer and that write sends the password once more
// at the next start: the other way round, a crash would leave a good password
// unused and ask the user for nothing.
func (m *machine) loginFailed(f LoginFailed) {
	if m.Step != SigningIn {
		return
	}
	m.learnClock(f.Err.Meta)
	if f.Err.Verdict != absapi.PasswordRejected {
		m.unusable(f.Err)
		m.temporary(f.Err)
		return
	}
	m.SignIns = SignIns{}
	m.Failure = f.Err
	rec := m.Record
	m.markRefused(&rec)
	m.Step = Refusing
	m.do(Commit{Record: rec})
}

// markRefused notes that the password which was just sent is none.
func (m *machine) markRefused(rec *keychain.Record) {
	if !rec.NewPassword.IsStored() {
		// A click while it was under way has its answer.
		rec.PasswordRefused = true
		m.Wishes.clickAnswered()
		return
	}
	m.Change.RefusedNew = rec.NewPassword
	if rec.NewPassword == rec.Password { // the user wanted the stored one back
		rec.PasswordRefused = true
		m.Wishes.clickAnswered()
	}
	rec.NewPassword, rec.Intent = keychain.Password{}, nil
}

// refusalKnown goes on after a refusal. After that of a new password the old
// one holds, and if the session is alive nothing else is to be done.
func (m *machine) refusalKnown() {
	switch {
	case m.Attempt.SentPassword != m.Change.RefusedNew:
		if !m.Record.Static.IsEmpty() {
			// Of a disabled account both are refused; once it is enabled the
			// token works again, and asking for that costs no password.
			m.Pauses.ProbeAt = m.now.Add(disabledProbe)
		}
		m.giveUp(PasswordRefused)
	case m.Lost:
		m.changeOver(ErrNotChanged)
		m.replace() // the spare may be alive, since no password was changed
	default:
		m.changeOver(ErrNotChanged)
		m.endUnchanged("the password was not changed")
	}
}

// check asks once more whether a token that nobody rotates is refused.
func (m *machine) check() {
	m.Step = Checking
	if m.asksAboutKey() {
		m.do(Check{Token: m.Record.EmergencyKey})
		return
	}
	m.do(Check{Token: m.Record.Static})
}

// mayReplaceStatic reports whether the stored password may bring another token
// in the place of a refused one.
func (m *machine) mayReplaceStatic() bool {
	rec := m.Record
	return rec.Password.IsStored() && rec.Static != m.Suspicion.Fruitless && (!rec.PasswordRefused || m.Wishes.SendAgain)
}

func (m *machine) checked(f Checked) {
	if m.Step != Checking {
		return
	}
	if m.asksAboutKey() {
		m.keyChecked(f.Err)
		return
	}
	m.Step, m.Wishes.Renew = Idle, false
	byUser := m.Attempt.ByUser
	m.Attempt.ByUser = false
	switch {
	case f.Err == nil:
		m.Phase, m.Why, m.Failure, m.Suspicion.StaticRefused, m.Lost = Static, NoReason, nil, false, false
		m.Pauses = Pauses{}
		m.Wishes.clickAnswered()
	case f.Err.Verdict == absapi.TokenRejected && m.mayReplaceStatic() && m.Plain && !m.vouched():
		// The token has no end: its own server takes it, unless it has lost its
		// secret or the user.
		m.Phase, m.Why, m.Failure = NeedsUser, Unrecognised, f.Err
		m.Pauses.ProbeAt = m.now.Add(disabledProbe)
		m.Wishes.clickAnswered()
	case f.Err.Verdict == absapi.TokenRejected && m.mayReplaceStatic():
		// A legacy token that came with a password: the password brings the
		// next one, or a session if the server was upgraded.
		m.Failure, m.Lost, m.Attempt.ByUser, m.Suspicion.JudgedAt = f.Err, true, byUser, m.now
		m.begin()
		return
	case f.Err.Verdict == absapi.TokenRejected:
		if !m.probesToken() { // it knows more already
			m.Phase, m.Why = NeedsUser, TokenRefused
		}
		m.Failure = f.Err
		m.Pauses.ProbeAt = m.now.Add(disabledProbe)
		m.Wishes.clickAnswered()
	default:
		m.Failure = f.Err
		m.Wishes.clickAnswered()
		m.Pauses.Failures++
		m.Pauses.BackoffUntil = m.now.Add(backoff(m.Pauses.Failures, m.jitter))
		m.askedToWait(f.Err)
	}
	m.signOutIfAsked()
}
