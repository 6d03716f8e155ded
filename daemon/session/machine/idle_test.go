package machine

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/absapi"
)

// kindly moves a world on in which the server answers everything: what is under
// way ends, or the clock goes on, to the machine's own timer at the latest.
func (w *world) kindly(most time.Duration) {
	if len(w.pending) > 0 {
		w.answer(0)
		return
	}
	next := w.now.Add(time.Duration(rapid.Int64Range(1, int64(most)).Draw(w.t, "later")))
	if at := w.state.WakeAt(); !at.IsZero() && !at.After(next) {
		w.now = later(w.now, at)
		w.feed(Due{})
		return
	}
	w.now = next
}

// However seldom players come, and whatever becomes of the network: no refresh
// token ends unused while the program runs and the server answers.
func TestNoRefreshTokenEndsUnused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		if !w.disk.Static.IsEmpty() || w.disk.Refresh.IsEmpty() {
			return
		}
		w.refreshLife = rapid.SampledFrom([]time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour, 30 * 24 * time.Hour}).Draw(t, "life")
		w.life = rapid.SampledFrom([]time.Duration{12 * time.Second, time.Minute, time.Hour, 12 * time.Hour, 0}).Draw(t, "access")
		w.disk.Refresh, w.unserved = w.mint().Refresh.Secret, true
		w.boot()
		for range rapid.IntRange(1, 300).Draw(t, "length") {
			switch rapid.IntRange(0, 15).Draw(t, "what") {
			case 0:
				w.outside(rapid.SampledFrom([]int{0, 2, 2, 2, 9}).Draw(t, "outside"))
			case 1:
				if len(w.pending) == 0 { // switched off for a while; nothing is left unanswered for so long
					w.now = w.now.Add(w.refreshLife / 20)
					w.boot()
				}
			default:
				w.kindly(w.refreshLife / 20)
			}
			end := w.state.Published.Pair.Refresh.ExpiresAt
			if w.state.Published.Generation > 0 && !w.now.Before(end) {
				t.Fatalf("the refresh token ended unused at %v; it is %v: %+v", end, w.now, w.state.Clocks)
			}
		}
	})
}

// Whenever somebody needs a token of a session that lives, and the server answers: one
// refresh brings it, or the one of a spare that is under way and then one. No timer is
// waited for but the second in which two tokens would be equal.
func TestNobodyWaitsForMoreThanOneRefresh(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		if !w.disk.Static.IsEmpty() {
			return
		}
		w.life = rapid.SampledFrom([]time.Duration{2 * time.Minute, time.Hour, 12 * time.Hour}).Draw(t, "access")
		pair := w.mint()
		w.disk.Access, w.disk.Refresh, w.unserved = pair.Access.Secret, pair.Refresh.Secret, true
		w.written[1] = w.disk.Access
		w.boot()
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			for range rapid.IntRange(0, 12).Draw(t, "pause") {
				if rapid.IntRange(0, 9).Draw(t, "network") == 0 {
					w.outside(2)
				}
				w.kindly(w.life)
			}
			refreshes, before := 0, w.state.Published.Generation
			if len(w.pending) > 0 && w.state.Published.Generation > 0 && w.state.OfSpare() {
				refreshes--
			}
			for w.feed(Needed{}); !w.state.Usable(w.now); {
				switch at := w.state.WakeAt(); {
				case len(w.pending) > 0:
					if _, ok := w.pending[0].(Refresh); ok {
						refreshes++
					}
					w.answer(0)
				case w.state.Rules.Collides && !at.After(w.now.Add(absapi.CollisionGap)):
					w.now = later(w.now, at)
					w.feed(Due{})
				default:
					t.Fatalf("%v: it waits until %v; it is %v", w.state.Describe(), at, w.now)
				}
				if refreshes > 1 {
					t.Fatalf("%v: a second refresh, from generation %d on", w.state.Describe(), before)
				}
			}
		}
	})
}

// Of a pair that nobody uses a quarter to a third of the refresh token's life is
// spent, at a good moment, and as many tries as it takes are left before its end.
func TestWhenAnUnusedPairIsRenewed(t *testing.T) {
	for _, c := range []struct {
		desc           string
		life           time.Duration // of the refresh token
		disturbed      time.Duration // the network changes that often; 0: never
		earliest, last time.Duration
	}{
		{"30 days", 720 * time.Hour, 0, 180 * time.Hour, 181 * time.Hour},
		{"30 days, a restless network", 720 * time.Hour, 2 * time.Minute, 236 * time.Hour, 240 * time.Hour},
		{"30 days, a network that never rests", 720 * time.Hour, 10 * time.Second, 575 * time.Hour, 577 * time.Hour},
		{"an hour", time.Hour, 0, 15 * time.Minute, 16 * time.Minute},
		{"an hour, a restless network", time.Hour, 2 * time.Minute, 19 * time.Minute, 23 * time.Minute},
		{"an hour, a network that never rests", time.Hour, 10 * time.Second, 47 * time.Minute, 49 * time.Minute},
		{"eight minutes", 8 * time.Minute, 10 * time.Second, 2 * time.Minute, 3 * time.Minute},
	} {
		rec := recordAt(noon)
		rec.Refresh = jwtOf("refresh", "1", noon, c.life)
		rec.Access = jwtOf("access", "1", noon, 5*time.Minute)
		s := State{Rules: RulesOf("2.36.0")}
		now := noon
		feed := func(f Fact) { s, _ = Next(s, Event{At: now, Jitter: 0.5, Unserved: true, Fact: f}) }
		for _, f := range []Fact{Started{}, Opened{Record: rec}, Settled{Generation: 3}} {
			feed(f)
		}
		for !s.Busy() && now.Before(noon.Add(c.life)) {
			if at := s.WakeAt(); c.disturbed > 0 && !at.Before(now.Add(c.disturbed)) {
				now = now.Add(c.disturbed)
				feed(Woken{})
				continue
			}
			now = s.WakeAt()
			feed(Due{})
		}
		if d := now.Sub(noon); d < c.earliest || d > c.last {
			t.Errorf("%s: renewed after %v, not between %v and %v", c.desc, d, c.earliest, c.last)
		}
	}
}

// Who is served decides about a pair that is due.
func TestAPairIsRenewedForSomebody(t *testing.T) {
	due := func() State {
		rec := recordAt(noon.Add(-20 * time.Minute))
		s, _ := drive(State{Rules: RulesOf("2.33.2")}, noon, Started{}, Opened{Record: rec}, Settled{Generation: 3})
		return s
	}
	at := noon.Add(32*time.Minute + 31*time.Second)
	served, _ := Next(due(), Event{At: at, Fact: Due{}})
	if served.Step != Acquiring {
		t.Errorf("somebody is served: %v", served.Describe())
	}
	idle, effects := Next(due(), Event{At: at, Unserved: true, Fact: Due{}})
	if !idle.Idle || idle.Busy() || len(effects) > 0 || idle.WakeAt().Before(at.Add(24*time.Hour)) {
		t.Errorf("nobody is served: %v, %+v, woken at %v", idle.Describe(), effects, idle.WakeAt())
	}
	for _, when := range []time.Duration{0, 10 * time.Minute, 20 * time.Hour} {
		used, _ := Next(idle, Event{At: at.Add(when), Unserved: true, Fact: Needed{}})
		if used.Step != Acquiring {
			t.Errorf("used %v later: %v", when, used.Describe())
		}
	}
	if s, _ := Next(idle, Event{At: at.Add(20 * time.Hour), Unserved: true, Fact: Woken{}}); s.Busy() {
		t.Errorf("a wake-up: %v", s.Describe())
	}
	if s, _ := Next(idle, Event{At: at, Unserved: true, Fact: Asked{}}); s.Step != Acquiring {
		t.Errorf("the user asked: %v", s.Describe())
	}
}

// After an outage in which nobody was served, a session looks for its server, so
// that nobody is told of an outage that is over, and renews nothing.
func TestAnOutageThatNobodyMet(t *testing.T) {
	s := rotating(t, "2.33.2")
	s, _ = drive(s, noon, RefreshFailed{Err: temporaryError(true)}, Unreachable{Err: temporaryError(true)})
	if s.Phase != Offline {
		t.Fatalf("%v", s.Describe())
	}
	s.Record.Intent = nil
	rec := s.Record
	now := noon.Add(2 * time.Hour)
	for _, f := range []Fact{Due{}, Acquired{Record: rec}, Reachable{}} {
		s, _ = Next(s, Event{At: now, Jitter: 0.5, Unserved: true, Fact: f})
	}
	if s.Phase != Fresh || !s.Idle || s.Busy() || s.Failure != nil {
		t.Errorf("%v, idle %v, %v", s.Describe(), s.Idle, s.Failure)
	}
}
