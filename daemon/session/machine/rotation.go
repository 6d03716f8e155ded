package machine

import (
	"errors"
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
		m.landed(f.Record)
	case Refusing:
		m.Record, m.Trouble = f.Record, nil
		m.refusalKnown()
	case Burying:
		m.Record, m.Trouble = f.Record, nil
		m.buried()
	case Withdrawing:
		m.Record, m.Trouble = f.Record, nil
		m.rest("the password was not changed")
	case Noting:
		m.Record = f.Record
		m.finish(m.Outcome)
	}
}

func (m *machine) commitFailed(f CommitFailed) {
	switch {
	case m.Step == Committing && errors.Is(f.Err, keychain.ErrTooLarge) && !m.Candidate.Previous.IsEmpty():
		// The token before is a convenience, the pair is the session.
		rec := *m.Candidate
		rec.Previous = redact.Secret{}
		m.Candidate = &rec
		m.commit()
	case m.Step == Intending && m.Aim == keychain.ChangePassword:
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
	case m.Step == Burying, m.Step == Withdrawing:
		// The next attempt comes to the same answer.
		m.Trouble = f.Err
		m.pause(diskRetry, "cannot be written: "+f.Err.Error())
	case m.Step == Noting:
		m.finish(m.Outcome) // found out again at the next rotation
	}
}

// refreshed looks at whose tokens came back before anything else happens.
func (m *machine) refreshed(f Refreshed) {
	if m.Step != Refreshing {
		return
	}
	m.learn(f.Answer.Meta)
	m.learnVersion(f.Answer)
	if id := f.Answer.Pair.Access.UserID; id != m.Record.UserID || f.Answer.Pair.Refresh.UserID != id {
		m.weather(&absapi.Error{Op: "refresh session", Verdict: absapi.Temporary, Evidence: "the answer belongs to another user"})
		return
	}
	m.Refreshes++
	rec := m.Record
	switch m.Aim {
	case keychain.RenewSpare:
		rec.Spare, m.Outcome = f.Answer.Pair.Refresh.Secret, "renewed the spare session"
		m.setSkew(f.Answer.Pair.Access.IssuedAt)
	case keychain.PromoteSpare:
		m.Outcome = "the spare session took the place of the lost one"
		rec.Spare = redact.Secret{}
		rec.Orphan, rec.SessionID = rec.SessionID, ""
		m.take(&rec, f.Answer, redact.Secret{})
	default:
		m.Outcome = "renewed"
		m.take(&rec, f.Answer, m.Record.Refresh)
		if m.unresolved() && !(m.ChangeEnds && m.Rules.PasswordEnds) {
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
	// The token's own time is the server's; a Date may be a gateway's.
	m.setSkew(a.Pair.Access.IssuedAt)
}

// receive makes rec, with what the server has just given, the candidate of the
// next generation.
func (m *machine) receive(rec keychain.Record) {
	rec.Generation++
	m.Candidate, m.Received, m.Answered = &rec, m.now, m.now
	m.commit()
}

func (m *machine) commit() {
	m.Step = Committing
	m.do(Commit{Record: *m.Candidate})
}

// landed: what the server gave is durable, so it may be used.
func (m *machine) landed(rec keychain.Record) {
	renewed := rec.Access != m.Pair.Access.Secret
	var pair absapi.TokenPair
	if rec.Static.IsEmpty() {
		var err error
		if pair, err = pairOf(rec); err != nil { // absapi decoded it before: what came back is not what was written
			m.Trouble = err
			m.pause(diskRetry, "the stored pair does not decode")
			return
		}
	}
	m.Record, m.Candidate, m.Trouble = rec, nil, nil
	m.SettleAt, m.SpareInvalid = m.now, 0
	switch {
	case !rec.Static.IsEmpty():
		m.Lost, m.SeenRefused = false, false
		m.Phase, m.Why, m.Weather, m.Published, m.Pair = Static, NoReason, nil, rec.Generation, absapi.TokenPair{}
		m.owe()
	case renewed:
		m.BornSuspect = time.Time{}
		if !m.Suspect.IsEmpty() {
			m.BornSuspect = m.now
		}
		m.Lost, m.SeenInvalid = false, 0
		m.publish(pair, m.Received)
	default: // only the spare
		m.Phase, m.Why, m.Weather, m.Published = Fresh, NoReason, nil, rec.Generation
		m.RotateAt = later(m.RotateAt, m.gapEnd())
		m.scheduleSpare()
		m.owe()
	}
	if m.unresolved() {
		m.signIn()
		return
	}
	m.tidy()
}

// learn keeps the difference between the server's clock and ours.
func (m *machine) learn(meta absapi.Meta) {
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
	m.Skew = server.Sub(m.now.Round(0))
	if m.Skew.Abs() < skewIgnored {
		m.Skew = 0
	}
}
