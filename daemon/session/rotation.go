package session

import (
	"errors"
	"fmt"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// begin starts an attempt: the lock first, so that no two processes rotate.
func (m *machine) begin() {
	if m.busy() || m.Closing {
		return
	}
	if m.Rules.Collides && m.Published > 0 && m.now.Before(m.gapEnd()) {
		m.Hold = later(m.Hold, m.gapEnd())
		m.Phase = Offline
		return
	}
	m.Step, m.Retries = acquiring, 0
	m.showAttempt()
	m.do(Acquire{Prompt: m.ByUser})
}

func (m *machine) showAttempt() {
	m.Phase = Rotating
	if m.Lost {
		m.Phase = Recovering
	}
}

// gapEnd is the earliest moment at which a release whose tokens carry no jti
// gives a token that differs from the published one.
func (m *machine) gapEnd() time.Time {
	if m.Obtained.IsZero() {
		return m.Pair.Access.IssuedAt.Add(-m.Skew).Add(collisionGap)
	}
	return m.Obtained.Add(collisionGap)
}

// acquired compares what is stored with what we know: another process may
// have rotated meanwhile, and then its pair is ours.
func (m *machine) acquired(f Acquired) {
	if m.Step != acquiring {
		return
	}
	switch {
	case m.Candidate != nil && f.Record.Generation == m.Candidate.Generation && f.Record.Refresh == m.Candidate.Refresh:
		// Our own pair, of whose writing only the end failed: it is there, but
		// not known to be durable.
		m.commit()
		return
	case f.Record.Generation > m.Record.Generation:
		m.adopt(f.Record)
		if m.Phase == Static || m.usable(m.now) && m.now.Before(m.RotateAt) {
			m.finish("adopted what another process stored")
			return
		}
		m.showAttempt()
	case f.Record.Generation == m.Record.Generation:
		// The same pair, but perhaps another process's intent or mark.
		refused := m.Record.PasswordRefused || f.Record.PasswordRefused
		m.Record = f.Record
		m.Record.PasswordRefused = refused
	}
	if m.Settled < m.Record.Generation && !m.now.Before(m.SettleAt) || m.Settling {
		// Otherwise both slots would lag behind the next pair.
		m.owe()
		if m.Settling {
			m.Step = repairing
			return
		}
	}
	m.prepared()
}

// prepared: lock and record are in order. A pair that an earlier attempt
// received and could not write comes first.
func (m *machine) prepared() {
	if m.Candidate != nil {
		m.commit()
		return
	}
	m.ping()
}

func (m *machine) acquireFailed(f AcquireFailed) {
	if m.Step != acquiring {
		return
	}
	m.Step, m.ByUser = idle, false
	m.do(Release{})
	m.vaultFailed(f.Err)
	if m.Phase != SignedOut {
		m.Phase = Offline
	}
	m.leaveIfAsked()
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
	m.Step = preflight
	m.do(Preflight{})
}

func (m *machine) unreachable(f Unreachable) {
	if m.Step == preflight {
		m.weather(f.Err)
	}
}

// reachable: the way is open in both directions. Now the intent is written,
// and only then is the token presented.
func (m *machine) reachable(f Reachable) {
	if m.Step != preflight {
		return
	}
	m.learn(f.Meta)
	if m.stopping() {
		return
	}
	if m.Lost {
		m.signIn()
		return
	}
	intent := keychain.Intent{Since: m.now.Round(0), Attempt: 1}
	if old := m.Record.Intent; old != nil {
		// The server may have rotated at the first attempt already.
		intent = keychain.Intent{Since: old.Since, Attempt: old.Attempt + 1}
	}
	rec := m.Record
	rec.Intent = &intent
	m.Step = intending
	m.do(Commit{Record: rec})
}

func (m *machine) committed(f Committed) {
	switch m.Step {
	case intending:
		m.Record, m.Trouble = f.Record, nil
		if m.stopping() {
			return
		}
		m.Step = refreshing
		m.do(Refresh{Token: m.Record.Refresh})
	case committing:
		m.landed(f.Record)
	case refusing:
		m.Record, m.Trouble = f.Record, nil
		m.giveUp(PasswordRefused)
	}
}

func (m *machine) commitFailed(f CommitFailed) {
	switch {
	case m.Step == committing && errors.Is(f.Err, keychain.ErrTooLarge) && !m.Candidate.Previous.IsEmpty():
		// The token before is a convenience, the pair is the session.
		rec := *m.Candidate
		rec.Previous = redact.Secret{}
		m.Candidate = &rec
		m.commit()
	case m.Step == intending, m.Step == committing:
		// Nothing was started that cannot be repeated; a pair that was
		// received stays in Candidate.
		m.Trouble = f.Err
		m.pause(diskRetry, "cannot be written: "+f.Err.Error())
	case m.Step == refusing:
		// The mark holds at least as long as this process.
		m.Record.PasswordRefused = true
		m.Trouble = f.Err
		m.giveUp(PasswordRefused)
	}
}

// refreshed looks at whose tokens came back before anything else happens.
func (m *machine) refreshed(f Refreshed) {
	if m.Step != refreshing {
		return
	}
	m.learn(f.Answer.Meta)
	m.learnVersion(f.Answer)
	if id := f.Answer.Pair.Access.UserID; id != m.Record.UserID || f.Answer.Pair.Refresh.UserID != id {
		m.weather(&absapi.Error{Op: "refresh session", Verdict: absapi.Weather, Evidence: "the answer belongs to another user"})
		return
	}
	m.Refreshes++
	m.receive(f.Answer, m.Record.Refresh)
}

// receive turns an answer into the candidate of the next generation.
func (m *machine) receive(a absapi.Answer, previous redact.Secret) {
	// The token's own time is the server's; a Date may be a gateway's.
	m.setSkew(a.Pair.Access.IssuedAt)
	rec := m.Record
	rec.Generation++
	rec.Access, rec.Refresh = a.Pair.Access.Secret, a.Pair.Refresh.Secret
	rec.Previous, rec.Intent = previous, nil
	if m.Lost {
		rec.PasswordRefused = false // it was just accepted
	}
	m.Candidate, m.Received = &rec, m.now
	m.commit()
}

func (m *machine) commit() {
	m.Step = committing
	m.do(Commit{Record: *m.Candidate})
}

// landed: the new pair is durable, so it may be used.
func (m *machine) landed(rec keychain.Record) {
	pair, err := pairOf(rec)
	if err != nil { // absapi decoded it before: what came back is not what was written
		m.Trouble = err
		m.pause(diskRetry, "the stored pair does not decode")
		return
	}
	outcome := "renewed"
	if m.Lost {
		outcome = "signed in again with the stored password"
	}
	m.BornSuspect = time.Time{}
	if !m.Suspect.IsEmpty() {
		m.BornSuspect = m.now
	}
	m.Record, m.Candidate, m.Lost, m.SeenInvalid, m.Trouble = rec, nil, false, 0, nil
	m.SettleAt = m.now
	m.publish(pair, m.Received)
	m.finish(outcome)
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

// weather ends an attempt that learned nothing about the token.
func (m *machine) weather(err *absapi.Error) {
	m.Weather = err
	m.Failures++
	if err.RetryAfter > 0 {
		m.Hold = later(m.Hold, m.now.Add(err.RetryAfter))
	}
	m.pause(backoff(m.Failures, m.jitter), err.Evidence)
}

// pause ends the attempt; the next one starts d later or on a wake-up.
func (m *machine) pause(d time.Duration, outcome string) {
	m.Phase = Offline
	m.NotBefore = m.now.Add(d)
	m.finish(outcome)
}

// giveUp ends the attempt with something only the user can mend. Every secret
// is kept.
func (m *machine) giveUp(why Why) {
	m.Phase, m.Why = NeedsUser, why
	m.finish(why.String())
}

// finish gives the lock back.
func (m *machine) finish(outcome string) {
	if m.Phase == Fresh || m.Phase == Static {
		m.Failures, m.NotBefore, m.Hold, m.MaySendAgain = 0, time.Time{}, time.Time{}, false
	}
	m.Step, m.ByUser = idle, false
	m.LastRotation = Rotation{At: m.now.Round(0), Outcome: outcome}
	m.do(Release{})
	m.leaveIfAsked()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// describe is the attempt in one word for the log.
func (s State) describe() string {
	if s.busy() {
		return fmt.Sprintf("%v/%v", s.Phase, s.Step)
	}
	return s.Phase.String()
}
