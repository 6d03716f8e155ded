package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// begin starts an attempt: the lock first, so that no two processes rotate.
func (m *machine) begin() {
	if m.Busy() || m.Closing {
		return
	}
	if m.Rules.Collides && m.Published.Generation > 0 && !reached(m.now, m.gapEnd()) {
		m.Pauses.SpacedUntil = onBothClocks(m.now, m.gapEnd())
		m.Phase = Offline
		return
	}
	m.Step, m.Attempt.Retries, m.Attempt.Outcome, m.Attempt.BegunAt = Acquiring, 0, "", m.now
	m.showAttempt()
	m.do(Acquire{Prompt: m.Attempt.ByUser})
}

func (m *machine) showAttempt() {
	m.Phase = Rotating
	if m.Lost {
		m.Phase = Recovering
	}
}

// gapEnd is the earliest moment at which a release whose tokens carry no jti
// gives a token that differs from the newest one of this account.
func (m *machine) gapEnd() time.Time {
	if !m.Published.AnsweredAt.IsZero() {
		return m.Published.AnsweredAt.Add(absapi.CollisionGap)
	}
	issued := m.Published.Pair.Access.IssuedAt
	for _, token := range m.Record.Spares() {
		if spare, err := absapi.ParseToken(token); err == nil {
			issued = later(issued, spare.IssuedAt)
		}
	}
	end := issued.Add(-m.Clocks.Skew).Add(absapi.CollisionGap)
	if seen := m.Published.SeenAt; !seen.IsZero() {
		// No token is younger than that, however the clocks are set since.
		end = earlier(onBothClocks(seen, end), seen.Add(absapi.CollisionGap))
	}
	return end
}

// acquired compares what is stored with what we know: another process may
// have rotated meanwhile, and then its pair is ours.
func (m *machine) acquired(f Acquired) {
	if m.Step != Acquiring {
		return
	}
	switch {
	case m.Received.Record != nil && f.Record.Generation == m.Received.Record.Generation && f.Record.Refresh == m.Received.Record.Refresh:
		// Our own pair, of whose writing only the end failed: it is there, but
		// not known to be durable.
		m.commit()
		return
	case m.ofOtherUser(f.Record):
		m.otherUserStored()
		m.finish(m.Why.String())
		return
	case f.Record.Generation > m.Record.Generation:
		m.adopt(f.Record)
		if m.Phase == Static || m.Record.Intent == nil && m.Usable(m.now) && !reached(m.now, m.Clocks.RotateAt) {
			m.Trouble = nil // the vault was read, and nothing has to be written
			m.finish("adopted what another process stored")
			return
		}
		m.showAttempt()
	case f.Record.Generation == m.Record.Generation:
		// The same pair, but perhaps another process's intent or mark.
		refused := m.Record.PasswordRefused || f.Record.PasswordRefused
		m.Record = f.Record
		m.Record.PasswordRefused = refused
		if m.unresolved() && m.Record.NewPassword == m.Change.RefusedNew {
			m.markRefused(&m.Record) // what could not be written is known all the same
		}
	}
	if f.GoingDown && m.Received.Record == nil {
		m.pause(goingDownPause, "put off: the machine is about to sleep or to be shut down")
		return
	}
	if m.Slot.Settled < m.Record.Generation && reached(m.now, m.Slot.RetryAt) || m.Slot.Settling {
		// Otherwise both slots would lag behind the next pair.
		m.writeSlot()
		if m.Slot.Settling {
			m.Step = Repairing
			return
		}
	}
	m.prepared()
}

// prepared: lock and record are in order. A pair that an earlier attempt
// received and could not write comes first.
func (m *machine) prepared() {
	switch {
	case m.Received.Record != nil:
		m.commit()
	case m.stopping():
	case m.spared():
		m.Attempt.Unpinged = true
		m.do(Dial{})
		m.intend(keychain.RenewPair)
	default:
		m.ping()
	}
}

func (m *machine) acquireFailed(f AcquireFailed) {
	if m.Step != Acquiring {
		return
	}
	m.Step, m.Attempt.ByUser = Idle, false
	m.do(Release{})
	m.vaultFailed(f.Err)
	if m.Phase != SignedOut {
		m.Phase = Offline
	}
	m.signOutIfAsked()
}

// stopping ends an attempt that has presented nothing yet, when the program
// ends: a refresh whose answer nobody waits for could cost the session.
func (m *machine) stopping() bool {
	if m.Closing {
		m.pause(0, "put off: the program ends")
	}
	return m.Closing
}

func (m *machine) ping() {
	m.Step, m.Attempt.Unpinged = Pinging, false
	m.do(Preflight{ByUser: m.Attempt.ByUser, Patience: m.pingPatience()})
}

func (m *machine) unreachable(f Unreachable) {
	if m.Step == Pinging {
		m.temporary(f.Err)
	}
}

// reachable: the server can be reached and its answer came back. The aim of the
// attempt is chosen now, under the lock and with the newest record.
func (m *machine) reachable(f Reachable) {
	if m.Step != Pinging {
		return
	}
	m.learnClock(f.Meta)
	m.proven()
	switch {
	case m.stopping():
	case m.Suspicion.Undecided != nil && (!m.Lost || m.OfSpare()) && !m.vouched():
		m.Step = Recognising
		m.do(Recognise{ByUser: m.Attempt.ByUser})
	case m.Lost && m.Record.Static.IsEmpty():
		m.replace()
	case m.Lost:
		m.signIn()
	case !m.Record.Static.IsEmpty():
		m.endUnchanged("nothing to renew")
	case m.fallIdle():
		m.endUnchanged("the server can be reached; renewed on use")
	default:
		m.intend(m.aim())
	}
}

// spareTries is how often an interrupted renewal of the spare goes before the
// pair, whose turn has come as well.
const spareTries = 3

// aim says what comes first while the session is alive. What was interrupted
// goes before what is due, since a grace window may be running.
func (m *machine) aim() keychain.Purpose {
	pairDue := m.Attempt.ByUser || m.pairDue(m.now)
	intent := m.Record.Intent
	switch {
	case intent != nil && (intent.Purpose == keychain.RenewPair || intent.Purpose == keychain.ChangePassword):
		return keychain.RenewPair // which also tells whether a change took place
	case intent != nil && intent.Purpose == keychain.RenewSpare && (!pairDue || intent.Attempt < spareTries):
		return keychain.RenewSpare
	case m.Change.Wanted != nil && m.Usable(m.now):
		return keychain.ChangePassword
	case !pairDue && m.spareDue():
		return keychain.RenewSpare
	}
	return keychain.RenewPair
}

// intend makes the intent durable. The token is presented after that.
func (m *machine) intend(aim keychain.Purpose) {
	rec := m.Record
	m.Attempt.Aim = aim
	if aim == keychain.ChangePassword {
		rec.NewPassword = keychain.StoredPassword(m.Change.Wanted.New)
	}
	if aim == keychain.RenewPair && m.unresolved() {
		aim = keychain.ChangePassword // the mark stays until it is known which password holds
	}
	intent := keychain.Intent{Since: m.now.Round(0), Attempt: 1, Purpose: aim}
	if old := rec.Intent; old != nil && old.Purpose == aim {
		// The server may have acted at the first attempt already.
		intent.Since, intent.Attempt = old.Since, old.Attempt+1
	}
	rec.Intent = &intent
	m.Step = Intending
	m.do(Commit{Record: rec})
}

// intended: the mark is durable.
func (m *machine) intended() {
	if m.stopping() {
		return
	}
	if m.Attempt.Unpinged && m.ProvenAt.IsZero() {
		m.ping() // the network has changed while the mark was written
		return
	}
	switch m.Attempt.Aim {
	case keychain.RenewSpare, keychain.PromoteSpare:
		m.Step = Refreshing
		m.present(m.Record.Spare)
	case keychain.ChangePassword:
		m.Step, m.Change.EndsSessions = Changing, m.Rules.PasswordEnds
		m.do(ChangePassword{
			Bearer: m.Published.Pair.Access.Secret, Refresh: m.Record.Refresh,
			Old: m.Change.Wanted.Old, New: m.Change.Wanted.New,
		})
	default:
		m.Step = Refreshing
		m.present(m.Record.Refresh)
	}
}

// present hands a refresh token to the server. How long the answer takes counts from
// when it is sent: that of an earlier attempt says nothing about this one.
func (m *machine) present(token redact.Secret) {
	m.Attempt.SentAt, m.Attempt.Abandoned = time.Time{}, false
	m.do(Refresh{Token: token, Patience: m.Rules.patience(), ByUser: m.Attempt.ByUser, AlsoCookie: m.Suspicion.AlsoCookie,
		Unpinged: m.Attempt.Unpinged})
	m.Attempt.Unpinged = false // what follows in this attempt has its connection
}

// pause ends the attempt; the next one starts d later or on a wake-up.
func (m *machine) pause(d time.Duration, outcome string) {
	m.Phase = Offline
	m.Pauses.BackoffUntil = m.now.Add(d)
	m.finish(outcome)
}

// giveUp ends the attempt with something only the user can mend. Every secret
// is kept.
func (m *machine) giveUp(why Why) {
	m.Phase, m.Why = NeedsUser, why
	m.finish(why.String())
}

// endUnchanged ends an attempt after which the session stands as before.
func (m *machine) endUnchanged(outcome string) {
	m.Phase, m.Why, m.Failure = Fresh, NoReason, nil
	if !m.Record.Static.IsEmpty() {
		m.Phase = Static
	}
	m.finish(outcome)
}

// finish gives the lock back.
func (m *machine) finish(outcome string) {
	if m.Phase == Fresh || m.Phase == Static {
		m.SignIns, m.Answered = SignIns{}, nil
		m.Pauses = Pauses{}
		m.Wishes.clickAnswered()
	}
	m.Step, m.Attempt.ByUser, m.Attempt.Replaced = Idle, false, redact.Secret{}
	if m.Clocks.OnDemand {
		m.Wishes.NeededAt = time.Time{} // such a token is gone before the next caller comes
	}
	if last := m.Counts.Last; last.Outcome != outcome || m.Attempt.BegunAt.IsZero() || last.At.Before(m.Attempt.BegunAt.Round(0)) {
		m.Counts.Last = Rotation{At: m.now.Round(0), Outcome: outcome} // not told yet
	}
	m.do(Release{})
	if m.Change.Wanted != nil && m.Phase != Fresh && !m.Record.NewPassword.IsStored() {
		// The caller who waits for the change is told now: nothing was sent.
		m.changeOver(ErrNotChanged)
	}
	m.signOutIfAsked()
}
