package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/keychain"
)

// An account that signed in through OpenID has no password to come back with.
// It keeps a second server session, the spare, which nobody uses: it is
// renewed rarely, never beside the first, and takes its place when that one is
// truly lost. Where the release answers no token twice there are several: the first
// is the one that is due, used or dead, and the others move up.

// spareLife is the share of its refresh token's life after which the spare is
// renewed: a machine may then be off for the other half.
const spareLife = 0.5

// spareHurry is the part of its life for which a good moment is looked for.
const spareHurry = 10

// scheduleSpare reads from the spare itself when it is due.
func (m *machine) scheduleSpare() {
	m.Spare.DueAt = time.Time{}
	token, err := absapi.ParseToken(m.Record.Spare)
	if err != nil || token.ExpiresAt.IsZero() {
		return // none, or one that never ends
	}
	life := token.ExpiresAt.Sub(token.IssuedAt)
	due := later(token.IssuedAt.Add(time.Duration(float64(life)*spareLife)).Add(-m.Clocks.Skew), m.gapEnd())
	m.Spare.DueAt = onBothClocks(m.now, due)
	m.Spare.HurriesAt = m.Spare.DueAt.Add(life / spareHurry)
}

func (m *machine) spareDue() bool { return !m.Spare.DueAt.IsZero() && reached(m.now, m.spareRenewal()) }

// spareRenewal returns when the spare is renewed, which nobody waits for.
func (s *State) spareRenewal() time.Time { return s.goodMoment(s.Spare.DueAt, s.Spare.HurriesAt) }

// replace goes on after the pair is lost: with the password of a change whose
// outcome is open, with the spare, or with the stored password.
func (m *machine) replace() {
	switch {
	case m.Record.NewPassword.IsStored():
		m.signIn()
	case !m.Record.Spare.IsEmpty():
		m.intend(keychain.PromoteSpare)
	case m.unjudged() && !m.vouched():
		// Another process has used the spare up: the pair is presented once more, and
		// the server judged by its answer.
		m.Lost, m.Phase, m.Suspicion.InvalidAnswers = false, Rotating, 1
		m.intend(keychain.RenewPair)
	default:
		m.signIn()
	}
}

// discardSpare forgets a spare that the server has authentically refused: it is no
// secret any more.
func (m *machine) discardSpare(err *absapi.Error) {
	m.Failure = err
	rec := m.Record
	rec.DropSpare()
	rec.Intent = nil
	m.Step = DiscardingSpare
	m.do(Commit{Record: rec})
}

func (m *machine) spareDiscarded() {
	m.Spare.InvalidAnswers = 0
	m.scheduleSpare()
	if m.Lost {
		m.replace() // with the next one, if there is one
		return
	}
	m.endUnchanged("the spare session has ended; the next sign-in makes a new one")
}
