package budget

import (
	"time"

	"shelfkeeper/daemon/absapi"
)

// A server's limiter counts the auth requests of one client address: login,
// refresh, OpenID and password change together, in a window that begins with
// the first. An empty bucket locks out every other program of the house. So
// we take a quarter of it at the most, in all accounts and processes, and never
// the last request.
//
// What keeps that true: a request is counted before it is sent, durably, and
// whether or not a limiter is known of; a window of ours is longer than the
// server's by as long as a request may be under way; what is known of one
// server counts for all its addresses (see identity.go); and elapsed time is
// measured by a clock that nobody sets (see clock.go).
//
// What cannot be known: how the server counts before its first answer (its
// defaults are assumed); that a limit was raised, before the next answer to a
// request that it counts, so that after a mistake of its owner we wait for at
// most one window; which other programs share our address; and that an address
// is one of a known server, before it has answered one sign-in or renewal,
// unless the two name one port of one machine or config.toml lists both.

const (
	// defaultLimit and defaultWindow are ABS's own limiter
	// (RATE_LIMIT_AUTH_MAX, RATE_LIMIT_AUTH_WINDOW), assumed until an answer
	// tells.
	defaultLimit  = 40
	defaultWindow = 10 * time.Minute
	// leastShare is what we take at least: less would not bring back a lost
	// session within one window; see reserved.
	leastShare = 4
	// mostShare bounds what is remembered.
	mostShare = 500
	// flight is how much later than another a request may arrive that was sent
	// later: one that takes its whole deadline, and a moment for the connection
	// it was written to.
	inFlight = RequestDeadline + 5*time.Second
	// mostBlocked bounds a pause that an answer asks for: a gateway's mistake
	// must not end an account. absapi bounds what it reads as well.
	mostBlocked = 24 * time.Hour
)

// spending is what we know of one server's limiter and what we have taken. It
// is pure.
type spending struct {
	Limit   int           `json:"limit,omitempty"`
	Window  time.Duration `json:"window,omitempty"`
	Off     bool          `json:"off,omitempty"`    // the server has no limiter
	Spent   []time.Time   `json:"spent"`            // oldest first
	Blocked time.Time     `json:"blocked,omitzero"` // an answer said so, at Said
	Said    time.Time     `json:"said,omitzero"`
}

// share is how many requests we may make in one window, the user's own included.
func (s spending) share() int {
	limit := s.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	// A limit of one leaves nothing to anybody, and a session would never come
	// back: then we take the one.
	return max(1, min(max(leastShare, limit/4), limit-1, mostShare))
}

// span is how long a request of ours counts.
func (s spending) span() time.Duration {
	if s.Window == 0 {
		return defaultWindow + inFlight
	}
	return s.Window + inFlight
}

// reserved is how much of the share is kept for what the user does himself: a
// session that fails in the background must not use up his own sign-in. Four
// requests bring a lost session back (refresh, the same again, whose server it
// is, log in), and they come first.
func (s spending) reserved() int { return max(0, min(2, s.share()-leastShare)) }

// wait returns how long the next request has to wait at now, of one that may
// use share requests a window.
func (s spending) wait(now time.Time, share int) time.Duration {
	wait := max(0, s.Blocked.Sub(now))
	if s.Off {
		return wait
	}
	if recent := s.recent(now); len(recent) >= share {
		freed := recent[len(recent)-share].Add(s.span())
		wait = max(wait, freed.Sub(now))
	}
	return wait
}

// recent returns the requests that still count at now.
func (s spending) recent(now time.Time) (recent []time.Time) {
	for _, t := range s.Spent {
		if now.Sub(t) < s.span() {
			recent = append(recent, t)
		}
	}
	return recent
}

// take counts a request at now. It keeps those of the longest window there may
// be, since the next answer may tell of a longer one than is known.
func (s spending) take(now time.Time) spending {
	kept := append([]time.Time(nil), s.Spent...)
	for len(kept) > 0 && (now.Sub(kept[0]) >= mostBlocked+inFlight || len(kept) >= mostShare) {
		kept = kept[1:]
	}
	s.Spent = append(kept, now)
	return s
}

// learn takes what an answer says of the limiter. authentic: it came back on
// a route that the limiter guards.
func (s spending) learn(now time.Time, meta absapi.Meta, authentic bool) spending {
	switch l := meta.Limit; {
	case l.Present:
		s.Off, s.Limit = false, max(1, l.Limit)
		if l.Window > 0 {
			s.Window = l.Window
		}
		s.Blocked, s.Said = time.Time{}, time.Time{}
		if l.Remaining == 0 {
			s.Blocked, s.Said = now.Add(min(l.Reset, mostBlocked)), now
		}
	case authentic && meta.Direct:
		s.Off, s.Blocked, s.Said = true, time.Time{}, time.Time{}
	}
	return s
}

// block takes a Retry-After that came without the limiter's own headers.
func (s spending) block(now time.Time, pause time.Duration) spending {
	if until := now.Add(min(pause, mostBlocked)); until.After(s.Blocked) {
		s.Blocked, s.Said = until, now
	}
	return s
}

// shifted returns s as if every moment in it were d later, and none of those
// that were spent later than now: a clock that was set back must not make a
// request count for years.
func (s spending) shifted(d time.Duration, now time.Time) spending {
	moved := make([]time.Time, len(s.Spent))
	for i, t := range s.Spent {
		if moved[i] = t.Add(d); moved[i].After(now) {
			moved[i] = now
		}
	}
	s.Spent = moved
	if !s.Blocked.IsZero() {
		s.Blocked, s.Said = s.Blocked.Add(d), s.Said.Add(d)
		if early := s.Said.Sub(now); early > 0 {
			s.Blocked, s.Said = s.Blocked.Add(-early), now
		}
	}
	return s
}

// joined is what is known of two addresses that turned out to be one server.
func (s spending) joined(o spending) spending {
	if s.Limit == 0 && !s.Off || o.Limit > 0 && (s.Off || o.Limit < s.Limit) {
		s.Limit, s.Off = o.Limit, o.Off
	}
	s.Window = max(s.Window, o.Window)
	spent := append(append([]time.Time(nil), s.Spent...), o.Spent...)
	sortTimes(spent)
	if len(spent) > mostShare {
		spent = spent[len(spent)-mostShare:]
	}
	s.Spent = spent
	if o.Blocked.After(s.Blocked) {
		s.Blocked, s.Said = o.Blocked, o.Said
	}
	return s
}
