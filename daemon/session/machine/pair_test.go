package machine

import (
	"errors"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
)

// What cannot be written is kept in memory and written later; until then
// nobody may use it.
func TestPairThatCannotBeWritten(t *testing.T) {
	fresh := recordAt(noon)
	fresh.Access, fresh.Refresh = jwtOf("access", "2", noon, time.Hour), jwtOf("refresh", "2", noon, 720*time.Hour)
	s, _ := drive(rotating(t, "2.26.3"), noon, Refreshed{Answer: absapi.Answer{Pair: mustPair(fresh)}},
		CommitFailed{Err: errors.New("disk full")})
	if s.Published.Generation != 3 || s.Received.Record == nil || s.Step != Idle {
		t.Fatalf("got %v, published %d", s.Describe(), s.Published.Generation)
	}
	rec := s.Record
	s, effects := drive(s, noon.Add(time.Minute), Due{}, Acquired{Record: rec})
	commit, ok := effects[len(effects)-1].(Commit)
	if !ok || commit.Record.Access != fresh.Access || commit.Record.Generation != 4 {
		t.Fatalf("got %#v", effects)
	}
	s, _ = drive(s, noon.Add(time.Minute), Committed(commit))
	if s.Published.Generation != 4 || s.Phase != Fresh || s.Counts.Refreshes != 1 {
		t.Errorf("got %v, published %d", s.Describe(), s.Published.Generation)
	}
}

func TestWindow(t *testing.T) {
	pair := mustPair(recordAt(noon))
	rotateAt, usable := window(pair, noon, 0)
	if rotateAt != noon.Add(52*time.Minute+30*time.Second) || usable != noon.Add(time.Hour-30*time.Second) {
		t.Errorf("rotate at %v, usable until %v", rotateAt, usable)
	}
	// The server's clock is an hour ahead: the same moments on ours.
	if r, u := window(pair, noon, time.Hour); r != rotateAt.Add(-time.Hour) || u != usable.Add(-time.Hour) {
		t.Errorf("with skew: %v, %v", r, u)
	}
	pair.Refresh.ExpiresAt = noon.Add(10 * time.Minute)
	if r, _ := window(pair, noon, 0); r != noon.Add(8*time.Minute) {
		t.Errorf("a refresh token of ten minutes is due after %v", r.Sub(noon))
	}
	pair.Access.ExpiresAt = pair.Access.IssuedAt
	if r, u := window(pair, noon, 0); r != noon || u != noon {
		t.Errorf("a token without life: %v, %v", r, u)
	}
}

// A clock that is wrong by hours must not make a new pair look expired.
func TestWrongClock(t *testing.T) {
	for _, wrong := range []time.Duration{-26 * time.Hour, -time.Hour, time.Hour, 26 * time.Hour} {
		server := noon.Add(wrong)
		fresh := recordAt(server)
		for _, date := range []time.Time{server, {}} {
			s, _ := drive(rotating(t, "2.36.0"), noon, Refreshed{Answer: absapi.Answer{Pair: mustPair(fresh), Meta: absapi.Meta{ServerDate: date}}})
			rec := *s.Received.Record
			s, _ = drive(s, noon, Committed{Record: rec})
			if !s.Usable(noon.Add(59*time.Minute)) || s.Usable(noon.Add(61*time.Minute)) {
				t.Errorf("server clock %v off, Date %v: usable until %v", wrong, date, s.Clocks.UsableUntil)
			}
		}
	}
}

// A pair whose writing failed at its very end is written again before it is
// used.
func TestOwnPairThatMayBeDurableIsWrittenAgain(t *testing.T) {
	s, _ := drive(rotating(t, "2.36.0"), noon, Refreshed{Answer: absapi.Answer{Pair: mustPair(recordAt(noon))}},
		CommitFailed{Err: errors.New("sync directory")})
	own := *s.Received.Record
	s, effects := drive(s, noon.Add(time.Minute), Due{}, Acquired{Record: own})
	if _, ok := effects[len(effects)-1].(Commit); !ok || s.Published.Generation != 3 {
		t.Errorf("published %d, %#v", s.Published.Generation, effects)
	}
}

// A gateway's clock in Date, a token of two seconds: no new pair is due at
// once.
func TestNewPairIsUsedForAWhile(t *testing.T) {
	for _, life := range []time.Duration{time.Second, 2 * time.Second, time.Hour} {
		for _, wrong := range []time.Duration{-2 * time.Hour, 0, 2 * time.Hour} {
			fresh := recordAt(noon)
			fresh.Access = jwtOf("access", "2", noon, life)
			s, _ := drive(rotating(t, "2.36.0"), noon, Refreshed{Answer: absapi.Answer{Pair: mustPair(fresh),
				Meta: absapi.Meta{ServerDate: noon.Add(wrong)}}})
			s, _ = drive(s, noon, Committed{Record: *s.Received.Record})
			if !s.Usable(noon) || !s.WakeAt().After(noon.Add(life/5)) {
				t.Errorf("life %v, Date %v off: usable %v, due %v later", life, wrong, s.Usable(noon), s.WakeAt().Sub(noon))
			}
		}
	}
}
