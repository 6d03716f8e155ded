package machine

import "time"

// A player that waits for a token gives up after some ten seconds. Within that
// time an answer that does not come has to be given up, and the session has to
// come back by other means.
const (
	// hurriedAnswer is how long the answer of a refresh is waited for while
	// somebody waits for it. Servers need some 20 ms for it, and a connection
	// that has died says nothing.
	hurriedAnswer = 4 * time.Second
	// slowerThanEver: an answer may take that many times as long as the one
	// before.
	slowerThanEver = 4
	// hurriedRace is how long after it was sent an unanswered request may still
	// be running, where somebody waits and a lost session comes back by itself.
	hurriedRace = 5 * time.Second
	// hurriedPatience is how long the answer of every second ping is waited for while
	// somebody waits; a slow network is given the others.
	hurriedPatience = 4 * time.Second
	// waitsFor is how long after it asked for a token a player may still be waiting.
	waitsFor = 30 * time.Second
	// hurriedPing is the longest pause between pings while somebody waits.
	hurriedPing = 2 * time.Second
)

// comesBack reports whether a lost session comes back without its user.
func (s *State) comesBack() bool {
	return !s.Record.Spare.IsEmpty() || s.Record.Password.IsStored() && !s.Record.PasswordRefused
}

// hurried reports whether somebody waits for the attempt at now.
func (m *machine) hurried() bool {
	return !m.Wishes.NeededAt.IsZero() && !reached(m.now, m.Wishes.NeededAt.Add(waitsFor)) && !m.Usable(m.now)
}

// answerDue returns when an answer is given up because somebody waits for it;
// zero for never. Asking again must be safe, or the session must come back by
// itself.
func (s *State) answerDue() time.Time {
	if s.Step != Refreshing || s.Attempt.SentAt.IsZero() || s.Attempt.Abandoned || s.Wishes.NeededAt.IsZero() ||
		s.Rules.Grace == 0 && !s.comesBack() {
		return time.Time{}
	}
	due := s.Attempt.SentAt.Add(max(hurriedAnswer, s.AnswerPatience))
	if s.tokenSuspected() {
		return due
	}
	usable := s.Clocks.UsableUntil
	if !s.Clocks.UsableForAtMost.IsZero() {
		usable = earlier(usable, s.Clocks.UsableForAtMost)
	}
	return later(due, usable) // until then nobody waits
}

// abandon gives up an answer. A slow server is given more time at the next one.
func (m *machine) abandon() {
	m.Attempt.Abandoned = true
	m.AnswerPatience = min(refreshPatience, 2*max(hurriedAnswer, m.AnswerPatience))
	m.do(Disconnect{})
}

// sent notes that the request of this step is on its way.
func (m *machine) sent() {
	if m.Step == Refreshing {
		m.Attempt.SentAt, m.Attempt.Abandoned = m.now, false
	}
}

// learnPace keeps how long the server takes.
func (m *machine) learnPace() {
	if !m.Attempt.SentAt.IsZero() {
		m.AnswerPatience = min(refreshPatience, slowerThanEver*max(0, m.now.Sub(m.Attempt.SentAt)))
	}
}

// PingPatience is how long the answer of a ping is waited for. A network that needs
// longer is too slow: the answer with the new token could be lost on it.
const PingPatience = 10 * time.Second

func (m *machine) pingPatience() time.Duration {
	if m.hurried() && m.Pauses.Failures%2 == 0 {
		return hurriedPatience
	}
	return PingPatience
}

// race sets until when an unanswered request may still be running.
func (m *machine) race() {
	m.Pauses.InFlightUntil = m.now.Add(racePause)
	if m.hurried() {
		m.hurryRace()
	}
}

func (m *machine) hurryRace() {
	if !m.Attempt.SentAt.IsZero() && m.comesBack() {
		m.Pauses.InFlightUntil = earlier(m.Pauses.InFlightUntil, later(m.Attempt.SentAt.Add(hurriedRace), m.now))
	}
}

// hurry shortens the pauses that cost nothing, since somebody waits.
func (m *machine) hurry() {
	if m.Usable(m.now) {
		return
	}
	m.hurryRace()
	if !m.Pauses.PingedAt.IsZero() {
		m.Pauses.BackoffUntil = earlier(m.Pauses.BackoffUntil, m.Pauses.PingedAt.Add(hurriedPing))
	}
}
