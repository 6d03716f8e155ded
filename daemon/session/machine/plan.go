package machine

import "time"

// task is what the clock alone makes the machine do.
type task int

const (
	nothing      task = iota
	writeSlot         // the newest record goes into a keychain slot
	endBreaker        // fresh tokens were refused; they are given out again
	rereadVault       // another process may have brought the session back
	openVault         // the vault could not be read before
	attempt           // the pair, the spare or a change of the password
	giveUpAnswer      // of a refresh that somebody waits for
	checkStatic       // whether a token that nobody rotates is still refused
)

// longAgo is the time of what is due already.
var longAgo = time.Unix(0, 0)

// plan returns the machine's next task and when it is due; nothing if only a
// fact from outside can make it go on. It is the one place that knows: the
// timer is set by it, and Due acts by it.
func (s *State) plan() (at time.Time, do task) {
	want := func(t time.Time, k task) {
		if t = later(t, longAgo); do == nothing || t.Before(at) {
			at, do = t, k
		}
	}
	if s.Closing {
		return at, do
	}
	if s.Slot.Settled < s.Record.Generation && !s.Slot.Settling && !s.Slot.Held {
		want(s.Slot.RetryAt, writeSlot)
	}
	if s.Busy() {
		if t := s.answerDue(); !t.IsZero() {
			want(t, giveUpAnswer)
		}
		return at, do
	}
	broken := !s.Suspicion.BrokenUntil.IsZero()
	if broken {
		want(s.Suspicion.BrokenUntil, endBreaker)
	}
	if !s.LastRead.IsZero() {
		want(s.LastRead.Add(rereadPace), rereadVault)
	}
	switch start := s.StartAt(); {
	case s.Phase == VaultUnavailable:
		want(start, openVault)
	case s.Phase == Fresh && !broken:
		want(later(s.renewalDue(), start), attempt)
	case s.Phase == Offline, s.Phase == NeedsUser && s.Why.Probed() && s.Record.Static.IsEmpty():
		want(start, attempt)
	case s.Phase == Static && s.Suspicion.StaticRefused, s.probesToken(), s.asksAboutKey():
		want(start, checkStatic)
	}
	return at, do
}

// renewalDue returns when a session that is alive has something to renew.
func (s *State) renewalDue() time.Time {
	if s.Change.Wanted != nil {
		return longAgo
	}
	due := s.pairRenewal()
	if !s.Spare.DueAt.IsZero() {
		due = earlier(due, s.spareRenewal())
	}
	return due
}

// pairRenewal returns when the pair is renewed.
func (s *State) pairRenewal() time.Time {
	if s.Wishes.Renew || !s.Wishes.NeededAt.IsZero() || s.tokenSuspected() {
		return longAgo
	}
	due := s.keepAliveDue()
	if s.RenewedOnUse() {
		return due
	}
	due = earlier(due, earlier(s.Clocks.RotateAt, s.Clocks.UsableUntil))
	if !s.Clocks.UsableForAtMost.IsZero() {
		due = earlier(due, s.Clocks.UsableForAtMost)
	}
	return due
}

func (s *State) pairDue(now time.Time) bool { return reached(now, s.pairRenewal()) }

// WakeAt returns when the machine wants to be told Due; zero if never.
func (s *State) WakeAt() time.Time {
	at, do := s.plan()
	if do == nothing {
		return time.Time{}
	}
	return at
}

// due does everything that the plan has for now.
func (m *machine) due() {
	for {
		at, do := m.plan()
		if do == nothing || !reached(m.now, at) {
			return
		}
		switch do {
		case writeSlot:
			m.writeSlot()
		case endBreaker:
			m.Suspicion.BrokenUntil = time.Time{}
		case rereadVault, openVault:
			m.open(false)
		case attempt:
			if m.judgeAgain(); m.Phase == Static {
				continue // its token is asked about first
			}
			if m.Phase != Fresh || !m.fallIdle() {
				m.begin()
			}
		case giveUpAnswer:
			m.abandon()
		case checkStatic:
			m.check()
		}
	}
}
