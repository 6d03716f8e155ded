package machine

import (
	"errors"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// next is the whole behaviour of a session: what the fact of e makes of s, and
// what is to be done about it. It is pure. A fact that answers an effect of
// another step than the present one is ignored: the step it belonged to is
// over.
func Next(s State, e Event) (State, []Effect) {
	m := machine{State: s, now: e.At, jitter: e.Jitter}
	switch f := e.Fact.(type) {
	case Started:
		m.open(false)
	case Due:
		m.due()
	case Woken:
		m.Failures, m.NotBefore = 0, time.Time{}
		if m.Step == Refreshing && m.Rules.Grace > 0 {
			// The answer may have been lost with the network or in the sleep,
			// and most of the grace window with it: asking again is safe.
			m.do(Disconnect{})
		}
		m.due()
	case Stored:
		m.stored()
	case Needed:
		m.needed()
	case Suspected:
		m.suspected(f)
	case Asked:
		m.asked()
	case SignOutAsked:
		m.signOutAsked()
	case SignOutDropped:
		m.stay()
	case Closed:
		m.Closing = true
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
	case Committed:
		m.committed(f)
	case CommitFailed:
		m.commitFailed(f)
	case Refreshed:
		m.refreshed(f)
	case RefreshFailed:
		m.refreshFailed(f)
	case LoggedIn:
		m.loggedIn(f)
	case LoginFailed:
		m.loginFailed(f)
	case PasswordChanged:
		m.changed(f)
	case ChangeFailed:
		m.changeFailed(f)
	case Tidied:
		m.tidied(f)
	case Settled:
		m.settled(f)
	case SettleFailed:
		m.settleFailed(f)
	case Checked:
		m.checked(f)
	case Erased:
		m.erased(f)
	}
	m.watched()
	return m.State, m.effects
}

// machine is one run of next.
type machine struct {
	State
	now     time.Time
	jitter  float64
	effects []Effect
}

func (m *machine) do(effects ...Effect) { m.effects = append(m.effects, effects...) }

// open reads the vault. It is how a session begins, and how it goes on after
// the vault was unavailable or somebody else signed in.
func (m *machine) open(prompt bool) {
	if m.Closing || m.Busy() {
		return
	}
	m.Step, m.Prompting, m.Reread, m.Looked = Opening, prompt, false, m.now
	m.do(Open{Prompt: prompt})
}

func (m *machine) opened(f Opened) {
	if m.Step != Opening {
		return
	}
	byUser, first, newer := m.ByUser, m.Phase == VaultUnavailable, f.Record.Generation > m.Record.Generation
	m.Step, m.Trouble = Idle, nil
	if byUser || first || newer { // what is known already shortens no pause
		m.Failures, m.NotBefore = 0, time.Time{}
	}
	if newer {
		m.adopt(f.Record)
	}
	m.ByUser = false
	switch {
	case m.Phase == Static || m.Phase == NeedsUser && !byUser:
	case byUser, (first || newer) && (m.Lost || m.Record.Intent != nil || !m.Usable(m.now)):
		// An intent means that a rotation was cut off, perhaps after the
		// server did its part: its grace window is running.
		m.ByUser = byUser
		m.begin()
	default:
		m.due()
	}
	m.leaveIfAsked()
}

func (m *machine) openFailed(f OpenFailed) {
	if m.Step != Opening {
		return
	}
	again := m.ByUser && !m.Prompting
	m.Step, m.ByUser = Idle, false
	m.vaultFailed(f.Err)
	if again && m.Phase == VaultUnavailable {
		// The user asked while the vault was tried in silence.
		m.ByUser = true
		m.open(true)
		return
	}
	m.leaveIfAsked()
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
	m.Failures++
	m.NotBefore = later(m.NotBefore, m.now.Add(max(vaultRetry, backoff(m.Failures, m.jitter))))
}

// forget empties the state after the user signed out, here or in another
// process. The rules of the server stay.
func (m *machine) forget() {
	if m.Change != nil {
		m.changeOver(ErrNotChanged)
	}
	m.State = State{ChangeErr: m.ChangeErr, Phase: SignedOut, Rules: m.Rules, Version: m.Version, Closing: m.Closing}
}

// adopt makes a durable record of a newer generation the session's own and
// publishes its token.
func (m *machine) adopt(rec keychain.Record) {
	// A spare that was presented to take the lost session's place says that
	// the pair is dead.
	lost := rec.Intent != nil && rec.Intent.Purpose == keychain.PromoteSpare
	m.Record, m.Candidate, m.Lost = rec, nil, lost
	m.SeenInvalid, m.SpareInvalid, m.SeenRefused = 0, 0, false
	m.SettleAt = m.now
	if !rec.Static.IsEmpty() {
		m.Phase, m.Why, m.Published, m.Pair = Static, NoReason, rec.Generation, absapi.TokenPair{}
		m.owe()
		return
	}
	pair, err := pairOf(rec)
	if err != nil {
		// A record without a readable pair still holds the password.
		m.Phase, m.Pair, m.Published, m.Lost = Offline, absapi.TokenPair{}, 0, true
		m.owe()
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
	m.Pair, m.Published = pair, m.Record.Generation
	m.RotateAt, m.UsableUntil = window(pair, m.now, m.Skew)
	m.Answered, m.UsableForAtMost = received, time.Time{}
	if !received.IsZero() {
		life := pair.Access.ExpiresAt.Sub(pair.Access.IssuedAt)
		m.UsableForAtMost = received.Add(life)
		// Whatever clocks say, a pair that has just come is used for a while:
		// renewing it at once would never end.
		m.RotateAt = later(m.RotateAt, received.Round(0).Add(life/4))
		m.UsableUntil = later(m.UsableUntil, received.Round(0).Add(life/2))
	}
	if m.Rules.Collides && m.RotateAt.Before(m.gapEnd()) {
		m.RotateAt = m.gapEnd()
	}
	if pair.Access.Secret != m.Suspect {
		m.Suspect = redact.Secret{}
	}
	m.scheduleSpare()
	m.Phase, m.Why, m.Weather, m.Urgent = Fresh, NoReason, nil, false
	m.owe()
}

// probesToken reports whether a refused token without an end is asked for from
// time to time.
func (s State) probesToken() bool {
	return s.Phase == NeedsUser && !s.Record.Static.IsEmpty() && (s.Why == TokenRefused || s.Why == PasswordRefused)
}

// due does whatever the clock asks for.
func (m *machine) due() {
	if m.Closing {
		return
	}
	if !m.now.Before(m.BrokenUntil) {
		m.BrokenUntil = time.Time{}
	}
	if !m.now.Before(m.SettleAt) {
		m.owe()
	}
	m.look(lookPace)
	if m.Busy() || m.now.Before(m.StartAt()) {
		return
	}
	switch {
	case m.Phase == VaultUnavailable:
		m.open(false)
	case m.Phase == Fresh && m.BrokenUntil.IsZero() && (m.Urgent || m.spareDue() || m.Change != nil || !m.now.Before(m.RotateAt) || !m.Usable(m.now)),
		m.Phase == Offline,
		m.Phase == NeedsUser && m.Why.Probed() && m.Record.Static.IsEmpty():
		m.begin()
	case m.Phase == Static && m.SeenRefused, m.probesToken():
		m.check()
	}
}
