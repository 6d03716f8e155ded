package session

import (
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

// recover goes on after an authentic rejection of the refresh token: the
// stored password signs in, within the same attempt and on the same
// connection.
func (m *machine) recover(err *absapi.Error) {
	m.Weather, m.Lost, m.Phase = err, true, Recovering
	m.signIn()
}

func (m *machine) signIn() {
	switch {
	case m.stopping():
	case m.Record.Password.IsEmpty():
		m.giveUp(SessionLost)
	case m.Record.PasswordRefused && !m.MaySendAgain:
		m.giveUp(PasswordRefused)
	default:
		m.Step, m.MaySendAgain = signingIn, false
		m.do(Login{Username: m.Record.Username, Password: m.Record.Password})
	}
}

func (m *machine) loggedIn(f LoggedIn) {
	if m.Step != signingIn {
		return
	}
	m.learn(f.Answer.Meta)
	m.learnVersion(f.Answer)
	if id := f.Answer.Pair.Access.UserID; id != m.Record.UserID || f.Answer.Pair.Refresh.UserID != id {
		m.giveUp(OtherUser)
		return
	}
	m.Logins++
	m.receive(f.Answer, redact.Secret{})
}

// loginFailed writes a refusal down before anything else. A crash in the
// milliseconds between the answer and that write sends the password once more
// at the next start: the other way round, a crash would leave a good password
// unused and ask the user for nothing.
func (m *machine) loginFailed(f LoginFailed) {
	if m.Step != signingIn {
		return
	}
	m.learn(f.Err.Meta)
	if f.Err.Verdict != absapi.PasswordRejected {
		m.weather(f.Err)
		return
	}
	m.Weather = f.Err
	rec := m.Record
	rec.PasswordRefused = true
	m.Step = refusing
	m.do(Commit{Record: rec})
}

// check asks once more whether a static token is refused.
func (m *machine) check() {
	m.Step = checking
	m.do(Check{Token: m.Record.Static})
}

func (m *machine) checked(f Checked) {
	if m.Step != checking {
		return
	}
	m.Step, m.ByUser, m.Urgent, m.MaySendAgain = idle, false, false, false
	switch {
	case f.Err == nil:
		m.Phase, m.Why, m.Weather, m.SeenRefused = Static, NoReason, nil, false
		m.Failures, m.NotBefore, m.Hold = 0, time.Time{}, time.Time{}
	case f.Err.Verdict == absapi.TokenRejected:
		m.Phase, m.Why, m.Weather = NeedsUser, TokenRefused, f.Err
		m.NotBefore = m.now.Add(disabledProbe)
	default:
		m.Weather = f.Err
		m.Failures++
		m.NotBefore = m.now.Add(max(f.Err.RetryAfter, backoff(m.Failures, m.jitter)))
	}
	m.leaveIfAsked()
}
