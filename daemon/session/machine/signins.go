package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/keychain"
)

// SignIns are the sign-ins with the stored password that were neither accepted
// nor refused in the server's own words.
type SignIns struct {
	Unusable int           // in a row
	Last     *absapi.Error // the newest of them
	At       time.Time     // when it was
}

// UnusableInARow is how many unusable answers to sign-ins in a row are taken for a
// mishap. Each sign-in may have made a session at the server, or brought this
// machine closer to a ban. Therefore the pauses grow after so many.
const UnusableInARow = 3

// signInPauses are the pauses from then on; the last one stays.
var signInPauses = []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour}

// wokenSignIn is how soon after the last one a sign-in may follow a wake-up:
// whatever stood in between may belong to another network.
const wokenSignIn = 15 * time.Minute

// unusable counts an answer to a sign-in that says nothing about the password.
func (m *machine) unusable(err *absapi.Error) {
	if err.Unwritten || err.Verdict == absapi.RateLimited {
		return
	}
	m.SignIns.Unusable++
	m.SignIns.Last, m.SignIns.At = err, m.now
	if n := m.SignIns.Unusable - UnusableInARow; n >= 0 {
		m.Pauses.SignInAt = m.now.Add(signInPauses[min(n, len(signInPauses)-1)])
	}
}

// unrecognised ends an attempt at a server that refuses the session and does
// not know the signature of its access token. It may be another server that has
// the same address in another network: it gets no password. The refresh token is
// presented again after a wake-up and from time to time. Where TLS vouches for
// the server, an expired access token ends the doubt: the signing key was lost.
func (m *machine) unrecognised(err *absapi.Error) {
	if m.Lost || !m.OfSpare() {
		m.Suspicion.InvalidAnswers = 1 // asked once more is enough
	}
	m.Failure, m.Answered, m.Lost, m.Spare.InvalidAnswers = err, err, false, 0
	if m.Published.Generation > 0 {
		m.Suspicion.Token = m.Published.Pair.Access.Secret
	}
	m.Pauses.ProbeAt = m.now.Add(disabledProbe)
	m.Wishes.clickAnswered()
	m.giveUp(Unrecognised)
}

// askAgainFirst makes a session that was lost present its token again before a
// password is sent: the refusal may have come from another network's server.
func (m *machine) askAgainFirst() {
	intent := m.Record.Intent
	if m.Suspicion.Undecided != nil && !m.Busy() {
		m.Suspicion.Undecided = nil
		if !m.OfSpare() {
			m.Suspicion.InvalidAnswers = 1
		}
	}
	if m.Busy() || !m.Lost {
		return
	}
	if !m.Record.Static.IsEmpty() {
		if m.Plain && m.Phase == Offline && intent == nil && !m.Record.NewPassword.IsStored() {
			m.Lost, m.Phase, m.Suspicion.StaticRefused = false, Static, true
		}
		return
	}
	refusals := m.Suspicion.InvalidAnswers
	if (refusals >= 2 || m.Plain && refusals == 1) && (intent == nil || intent.Purpose == keychain.RenewPair) {
		m.Lost, m.Suspicion.InvalidAnswers = false, 1
	}
}

// judgeAgain lets a judgement about a server grow old where nothing vouches for
// it: the machine may be in another network by now, without any notice. The
// token is presented once more before a password is sent.
func (m *machine) judgeAgain() {
	if m.Lost && m.Plain && !m.vouched() && reached(m.now, m.Suspicion.JudgedAt.Add(wordHolds)) {
		m.askAgainFirst()
	}
}
