package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

func (m *machine) committed(f Committed) {
	switch m.Step {
	case Intending:
		m.Record, m.Trouble = f.Record, nil
		m.intended()
	case Committing:
		m.takeDurable(f.Record)
	case Refusing:
		m.Record, m.Trouble = f.Record, nil
		m.refusalKnown()
	case DiscardingSpare:
		m.Record, m.Trouble = f.Record, nil
		m.spareDiscarded()
	case Withdrawing:
		m.Record, m.Trouble = f.Record, nil
		m.endUnchanged("the password was not changed")
	case RecordingID:
		m.Record = f.Record
		m.finish(m.Attempt.Outcome)
	}
}

func (m *machine) commitFailed(f CommitFailed) {
	switch {
	case m.Step == Intending && m.Attempt.Aim == keychain.ChangePassword:
		m.Trouble = f.Err
		m.changeOver(f.Err)
		m.pause(diskRetry, "cannot be written: "+f.Err.Error())
	case m.Step == Intending, m.Step == Committing:
		// Nothing was started that cannot be repeated; a pair that was
		// received stays in Candidate.
		m.Trouble = f.Err
		m.pause(diskRetry, "cannot be written: "+f.Err.Error())
	case m.Step == Refusing:
		// The mark holds at least as long as this process.
		m.markRefused(&m.Record)
		m.Trouble = f.Err
		m.refusalKnown()
	case m.Step == DiscardingSpare, m.Step == Withdrawing:
		// The next attempt comes to the same answer.
		m.Trouble = f.Err
		m.pause(diskRetry, "cannot be written: "+f.Err.Error())
	case m.Step == RecordingID:
		m.finish(m.Attempt.Outcome) // found out again at the next rotation
	}
}

// refreshed looks at whose tokens came back before anything else happens.
func (m *machine) refreshed(f Refreshed) {
	if m.Step != Refreshing {
		return
	}
	m.learnClock(f.Answer.Meta)
	m.learnVersion(f.Answer)
	m.learnPace()
	m.learnCookie(f.Answer)
	m.proven()
	m.Unlimited = f.Answer.Direct && !f.Answer.Limit.Present
	if id := f.Answer.Pair.Access.UserID; id != m.Record.UserID || f.Answer.Pair.Refresh.UserID != id {
		m.temporary(&absapi.Error{Op: "refresh session", Verdict: absapi.Temporary, Evidence: "the answer belongs to another user"})
		return
	}
	m.Counts.Refreshes++
	rec := m.Record
	switch m.Attempt.Aim {
	case keychain.RenewSpare:
		rec.DropSpare()
		rec.AddSpare(f.Answer.Pair.Refresh.Secret) // behind the others, which are due before it now
		m.Attempt.Outcome = "renewed the spare session"
		m.learnIssue(f.Answer.Pair.Access)
	case keychain.PromoteSpare:
		m.Attempt.Outcome = "the spare session took the place of the lost one"
		rec.DropSpare()
		rec.Orphan, rec.SessionID = rec.SessionID, ""
		m.take(&rec, f.Answer, redact.Secret{})
	default:
		m.Attempt.Outcome = "renewed"
		m.take(&rec, f.Answer, m.Record.Refresh)
		if m.unresolved() && !(m.Change.EndsSessions && m.Rules.PasswordEnds) {
			// The session says nothing about the password here, or did not when
			// the change was sent: the server may have been upgraded since.
			intent := *m.Record.Intent
			rec.Intent = &intent
			m.receive(rec)
			return
		}
		if m.unresolved() {
			// Had the change taken place, the token would have been dead.
			m.changeOver(ErrNotChanged)
			rec.NewPassword = keychain.Password{}
		}
	}
	rec.Intent = nil
	m.receive(rec)
}

// take makes the answer's tokens those of rec.
func (m *machine) take(rec *keychain.Record, a absapi.Answer, previous redact.Secret) {
	rec.Previous, rec.Intent = previous, nil
	rec.Access, rec.Refresh, rec.Static = a.Pair.Access.Secret, a.Pair.Refresh.Secret, redact.Secret{}
	if a.Pair.Refresh.Secret.IsEmpty() { // a server older than 2.26
		rec.Static = a.Legacy
		return
	}
	m.learnIssue(a.Pair.Access)
}

// receive makes rec, with what the server has just given, the candidate of the
// next generation.
func (m *machine) receive(rec keychain.Record) {
	rec.Generation++
	m.Received.Record, m.Received.At, m.Published.AnsweredAt = &rec, m.now, m.now
	m.commit()
}

func (m *machine) commit() {
	m.Step = Committing
	m.do(Commit{Record: *m.Received.Record})
}

// takeDurable: what the server gave is durable, so it may be used.
func (m *machine) takeDurable(rec keychain.Record) {
	renewed := rec.Access != m.Published.Pair.Access.Secret
	var pair absapi.TokenPair
	if rec.Static.IsEmpty() {
		var err error
		if pair, err = pairOf(rec); err != nil { // absapi decoded it before: what came back is not what was written
			m.Trouble = err
			m.pause(diskRetry, "the stored pair does not decode")
			return
		}
	}
	m.Record, m.Received.Record, m.Trouble = rec, nil, nil
	m.Slot.RetryAt, m.Spare.InvalidAnswers = m.now, 0
	switch {
	case !rec.Static.IsEmpty():
		m.Lost, m.Suspicion.StaticRefused = false, false
		m.Phase, m.Why, m.Failure, m.Published.Generation, m.Published.Pair = Static, NoReason, nil, rec.Generation, absapi.TokenPair{}
		m.writeSlot()
	case renewed:
		m.Suspicion.RenewedAt = time.Time{}
		if !m.Suspicion.Token.IsEmpty() {
			m.Suspicion.RenewedAt = m.now
		}
		m.Lost, m.Suspicion.InvalidAnswers = false, 0
		if !m.Attempt.BegunAt.IsZero() {
			m.RenewalTook = min(max(0, m.now.Sub(m.Attempt.BegunAt)), 2*refreshPatience)
		}
		m.publish(pair, m.Received.At)
		m.Counts.Last = Rotation{At: m.now.Round(0), Outcome: m.Attempt.Outcome} // what is left to do may take a while
	default: // only the spare
		m.Phase, m.Why, m.Failure, m.Published.Generation = Fresh, NoReason, nil, rec.Generation
		m.Clocks.RotateAt = later(m.Clocks.RotateAt, onBothClocks(m.now, m.gapEnd()))
		m.scheduleSpare()
		m.writeSlot()
	}
	if m.unresolved() {
		m.signIn()
		return
	}
	m.cleanUp()
}

// learnClock keeps the difference between the server's clock and ours.
func (m *machine) learnClock(meta absapi.Meta) {
	if !meta.ServerDate.IsZero() {
		m.setSkew(meta.ServerDate)
	}
}

// learnVersion follows a server that was upgraded under us.
func (m *machine) learnVersion(a absapi.Answer) {
	if a.ServerVersion != "" {
		m.Version, m.Rules = a.ServerVersion, RulesOf(a.ServerVersion)
	}
}

func (m *machine) setSkew(server time.Time) {
	m.Clocks.Skew = server.Sub(m.now.Round(0))
	if m.Clocks.Skew.Abs() < skewIgnored {
		m.Clocks.Skew = 0
	}
}
