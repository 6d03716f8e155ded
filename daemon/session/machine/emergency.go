package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

// An admin who signs in through OpenID may have let an API key be kept that has an
// end. It serves players once the server has truly refused the session and no spare
// is left. It renews nothing, and only a new sign-in ends its use: until then the
// phase is NeedsUser, with a token that callers may use.

// Emergency is what is known of the record's emergency key.
type Emergency struct {
	EndsAt  time.Time     // by our clocks; zero: there is none
	Doubted bool          // it got a 401, and the server is asked about it
	Refused redact.Secret // the key that the server refuses
}

// OnEmergencyKey reports whether the emergency key stands in for a lost session.
func (s *State) OnEmergencyKey(now time.Time) bool {
	return s.Phase == NeedsUser && s.Why == SessionLost && s.keyServes(now)
}

// keyServes reports whether there is an emergency key that the server should take.
func (s *State) keyServes(now time.Time) bool {
	key := s.Record.EmergencyKey
	return !key.IsEmpty() && key != s.Emergency.Refused && !s.Emergency.EndsAt.IsZero() && !reached(now, s.Emergency.EndsAt)
}

// readEmergencyKey reads from the key itself when it ends. One without an end is
// never used.
func (m *machine) readEmergencyKey() {
	m.Emergency.EndsAt, m.Emergency.Doubted = time.Time{}, false
	key, err := absapi.ParseToken(m.Record.EmergencyKey)
	if err == nil && key.Type == "api" && !key.ExpiresAt.IsZero() {
		m.Emergency.EndsAt = onBothClocks(m.now, key.ExpiresAt.Add(-m.Clocks.Skew))
	}
}

// doubtKey notes a 401 that the emergency key got.
func (m *machine) doubtKey() {
	if !m.Emergency.Doubted {
		m.Emergency.Doubted = true
		m.Pauses.ConfirmAt = m.now.Add(checkPause)
	}
}

func (s *State) asksAboutKey() bool { return s.Phase == NeedsUser && s.Emergency.Doubted }

// judgeForKey has the server judged once more where nothing vouches for it: after a
// change of the network another one may have its address, and the key opens much. Until
// it is known to be the account's own the key is not given out.
func (m *machine) judgeForKey() {
	if m.Plain && !m.Busy() && m.OnEmergencyKey(m.now) {
		m.Lost, m.Suspicion.InvalidAnswers = false, 1
		m.begin()
	}
}

// keyChecked goes on with what the server says about the emergency key.
func (m *machine) keyChecked(err *absapi.Error) {
	m.Step = Idle
	switch {
	case err == nil:
		m.Emergency.Doubted, m.Pauses.Failures = false, 0
	case err.Verdict == absapi.TokenRejected:
		m.Emergency.Doubted, m.Emergency.Refused = false, m.Record.EmergencyKey
	default:
		m.Pauses.Failures++
		m.Pauses.BackoffUntil = m.now.Add(backoff(m.Pauses.Failures, m.jitter))
		m.askedToWait(err)
	}
	if m.Attempt.ByUser { // the click came meanwhile
		m.begin()
		return
	}
	m.signOutIfAsked()
}
