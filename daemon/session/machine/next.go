package machine

import (
	"errors"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// Next is the whole behaviour of a session: what the fact of e makes of s, and
// what is to be done about it. It is pure. A fact that answers an effect of
// another step than the present one is ignored: the step it belonged to is
// over. It is a flat switch, so that each fact is seen with what it calls.
func Next(s State, e Event) (State, []Effect) {
	m := machine{State: s, now: e.At, jitter: e.Jitter, unserved: e.Unserved}
	switch f := e.Fact.(type) {
	case Started:
		m.disturbed()
		m.open(false)
	case Due:
		m.due()
	case Woken:
		m.disturbed()
		m.Pauses.endWaits()
		m.Pauses.SignInAt = earlier(m.Pauses.SignInAt, m.SignIns.At.Add(wokenSignIn))
		m.askAgainFirst()
		m.Emergency.Refused = redact.Secret{}  // perhaps by another network's server
		m.Wishes.SameServerUntil = time.Time{} // the user spoke of another network, perhaps
		if m.Step == Pinging || m.Step == Refreshing && m.Rules.Grace > 0 {
			// The answer may have been lost with the network or in the sleep,
			// and most of the grace window with it: asking again is safe.
			m.do(Disconnect{})
		}
		m.judgeForKey()
		m.due()
	case Proven:
		m.provedBy(f)
	case VaultChanged:
		m.vaultChanged()
	case Stored:
		m.stored()
	case Needed:
		m.needed()
	case Suspected:
		m.suspected(f)
	case Asked:
		m.asked(f)
	case SignOutAsked:
		m.signOutAsked()
	case SignOutDropped:
		m.cancelSignOut()
	case Closed:
		m.closed()
	case ChangeAsked:
		m.changeAsked(f)
	case ChangeDropped:
		m.changeDropped()

	case Opened:
		m.opened(f)
	case OpenFailed:
		m.openFailed(f)
	case Acquired:
		m.acquired(f)
	case AcquireFailed:
		m.acquireFailed(f)
	case Reachable:
		m.reachable(f)
	case Unreachable:
		m.unreachable(f)
	case Sent:
		m.sent()
	case Committed:
		m.committed(f)
	case CommitFailed:
		m.commitFailed(f)
	case Refreshed:
		m.refreshed(f)
	case RefreshFailed:
		m.refreshFailed(f)
	case Recognised:
		m.recognised(f)
	case LoggedIn:
		m.loggedIn(f)
	case LoginFailed:
		m.loginFailed(f)
	case PasswordChanged:
		m.changed(f)
	case ChangeFailed:
		m.changeFailed(f)
	case CleanedUp:
		m.cleanedUp(f)
	case Settled:
		m.slotWritten(f)
	case SettleFailed:
		m.slotFailed(f)
	case Checked:
		m.checked(f)
	case Erased:
		m.erased(f)
	}
	m.trackReading()
	return m.State, m.effects
}

// machine is one run of next.
type machine struct {
	State
	now      time.Time
	jitter   float64
	unserved bool
	effects  []Effect
}

func (m *machine) do(effects ...Effect) { m.effects = append(m.effects, effects...) }

// open reads the vault. It is how a session begins, and how it goes on after
// the vault was unavailable or somebody else signed in.
func (m *machine) open(prompt bool) {
	if m.Closing || m.Busy() {
		return
	}
	m.Step, m.Attempt.Prompting, m.Wishes.Reread, m.LastRead = Opening, prompt, false, m.now
	m.do(Open{Prompt: prompt})
}

func (m *machine) opened(f Opened) {
	if m.Step != Opening {
		return
	}
	byUser, first, newer := m.Attempt.ByUser, m.Phase == VaultUnavailable, f.Record.Generation > m.Record.Generation
	m.Step, m.Trouble, m.Unlimited = Idle, nil, f.Unlimited
	if byUser || first || newer { // what is known already shortens no pause
		m.Pauses.endWaits()
	}
	foreign, waited := m.ofOtherUser(f.Record), m.waitsForOthers()
	if newer && !foreign {
		m.adopt(f.Record)
	}
	if waited && !m.waitsForOthers() && !m.Counts.Last.At.IsZero() {
		m.Counts.Last = Rotation{At: m.now.Round(0), Outcome: "signed in again"} // the attempt that failed is over
	}
	m.Attempt.ByUser = false
	switch {
	case foreign:
		m.otherUserStored()
	case m.Phase == Static || m.Phase == NeedsUser && !byUser:
		m.due()
	case byUser, (first || newer) && (m.Lost || m.Record.Intent != nil || !m.Usable(m.now) && !m.fallIdle()):
		// An intent means that a rotation was cut off, perhaps after the
		// server did its part: its grace window is running.
		m.Attempt.ByUser = byUser
		m.begin()
	default:
		m.due()
	}
	m.signOutIfAsked()
}

func (m *machine) openFailed(f OpenFailed) {
	if m.Step != Opening {
		return
	}
	again := m.Attempt.ByUser && !m.Attempt.Prompting
	m.Step, m.Attempt.ByUser = Idle, false
	m.vaultFailed(f.Err)
	if again && m.Phase == VaultUnavailable {
		// The user asked while the vault was tried in silence.
		m.Attempt.ByUser = true
		m.open(true)
		return
	}
	m.signOutIfAsked()
}

// vaultFailed takes an error of reading the vault. Not found is an answer;
// everything else means that nothing is known.
func (m *machine) vaultFailed(err error) {
	if errors.Is(err, keychain.ErrNotFound) {
		m.forget()
		return
	}
	m.Trouble = err
	if m.Record.Generation == 0 {
		m.Phase = VaultUnavailable
	}
	m.Pauses.Failures++
	m.Pauses.BackoffUntil = later(m.Pauses.BackoffUntil, m.now.Add(max(vaultRetry, backoff(m.Pauses.Failures, m.jitter))))
}

// vaultChanged: the keychain says of itself that something about it is new. Only
// what waits for it tries now.
func (m *machine) vaultChanged() {
	if m.Trouble != nil || m.Phase == VaultUnavailable {
		m.Pauses.endWaits()
	}
	if m.Slot.Trouble != nil {
		m.Slot.RetryAt, m.Slot.Held = m.now, false
	}
	m.due()
}

// forget empties the state after the user signed out, here or in another
// process. The rules of the server stay.
func (m *machine) forget() {
	if m.Change.Wanted != nil {
		m.changeOver(ErrNotChanged)
	}
	m.State = State{
		Phase: SignedOut, Rules: m.Rules, Version: m.Version, Plain: m.Plain, Signals: m.Signals, Closing: m.Closing,
		Change: Change{Err: m.Change.Err}, DisturbedAt: m.DisturbedAt,
	}
}

// adopt makes a durable record of a newer generation the session's own and
// publishes its token.
func (m *machine) adopt(rec keychain.Record) {
	// A spare that was presented to take the lost session's place says that
	// the pair is dead.
	lost := rec.Intent != nil && rec.Intent.Purpose == keychain.PromoteSpare
	m.Record, m.Received.Record, m.Lost = rec, nil, lost
	m.Suspicion.InvalidAnswers, m.Spare.InvalidAnswers, m.Suspicion.StaticRefused = 0, 0, false
	m.Suspicion.Undecided, m.Suspicion.JudgedAt = nil, time.Time{}
	m.Slot.RetryAt = m.now
	if !rec.Static.IsEmpty() {
		m.Phase, m.Why, m.Published.Generation, m.Published.Pair = Static, NoReason, rec.Generation, absapi.TokenPair{}
		m.writeSlot()
		return
	}
	pair, err := pairOf(rec)
	if err != nil {
		// A record without a readable pair still holds the password.
		m.Phase, m.Published.Pair, m.Published.Generation, m.Lost = Offline, absapi.TokenPair{}, 0, true
		m.writeSlot()
		return
	}
	m.publish(pair, time.Time{})
}

func pairOf(rec keychain.Record) (absapi.TokenPair, error) {
	access, errA := absapi.ParseToken(rec.Access)
	refresh, errR := absapi.ParseToken(rec.Refresh)
	return absapi.TokenPair{Access: access, Refresh: refresh}, errors.Join(errA, errR)
}

// publish lets callers use the pair of the durable record. received is when
// the server gave it, zero if that was before this process began.
func (m *machine) publish(pair absapi.TokenPair, received time.Time) {
	m.Published = Published{Pair: pair, Generation: m.Record.Generation, AnsweredAt: received, SeenAt: m.now}
	m.setClocks(pair, received)
	if pair.Access.Secret != m.Suspicion.Token {
		m.Suspicion.Token = redact.Secret{}
	}
	m.scheduleSpare()
	m.SignIns, m.Answered, m.Suspicion.Undecided = SignIns{}, nil, nil
	m.Phase, m.Why, m.Failure, m.Wishes.Renew = Fresh, NoReason, nil, false
	m.Idle, m.Wishes.NeededAt = false, time.Time{}
	if m.Clocks.Odd == DeadTokens {
		m.Phase, m.Why = NeedsUser, TokensUnusable
		m.Pauses.ProbeAt = m.now.Add(disabledProbe)
	}
	m.writeSlot()
}

// probesToken reports whether a refused token without an end is asked for from
// time to time.
func (s *State) probesToken() bool {
	return s.Phase == NeedsUser && !s.Record.Static.IsEmpty() && (s.Why == TokenRefused || s.Why == PasswordRefused || s.Why == Unrecognised)
}
