package session

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// Nobody asks for a token, and the next attempt is far away: that the token has
// ended meanwhile shows nevertheless, for one wake-up.
func TestLevelFollowsTheTokenOfAnIdleAccount(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: 30 * time.Minute, LimiterMax: 2, LimiterWindow: 3 * time.Hour}, func(r *rig) {
		time.Sleep(28 * time.Minute)
		if v := r.level(); v.Condition != health.RenewalDelayed.ID {
			t.Fatalf("before its end: %+v\n%s", v, r.log)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if v := r.level(); v.Condition != health.RateLimited.ID || v.Level != health.Offline {
			t.Errorf("after its end: %+v\n%s", v, r.log)
		}
	})
}

func TestTurnsAt(t *testing.T) {
	weather := &absapi.Error{Verdict: absapi.RateLimited}
	base := State{Phase: Fresh, Published: 1, Usable: noon.Add(time.Hour), UsableAtMost: noon.Add(2 * time.Hour)}
	base.Pair.Access.Secret = jwtOf("access", "1", noon, time.Hour)
	for _, c := range []struct {
		desc   string
		change func(*State)
		want   time.Time
	}{
		{"all is well", func(*State) {}, time.Time{}},
		{"weather", func(s *State) { s.Weather = weather }, noon.Add(time.Hour)},
		{"disk", func(s *State) { s.Trouble = errors.New("full") }, noon.Add(time.Hour)},
		{"by the other clock first", func(s *State) { s.Weather, s.UsableAtMost = weather, noon.Add(time.Minute) }, noon.Add(time.Minute)},
		{"over already", func(s *State) { s.Weather, s.Usable = weather, noon.Add(-time.Minute) }, time.Time{}},
		{"breaker", func(s *State) { s.BrokenUntil = noon.Add(time.Minute) }, noon.Add(time.Minute)},
		{"static", func(s *State) { s.Phase, s.Weather = Static, weather }, time.Time{}},
	} {
		s := base
		c.change(&s)
		at := s.turnsAt(noon)
		if !at.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.desc, at, c.want)
		}
		if !at.IsZero() && s.turnsAt(at).Equal(at) {
			t.Errorf("%s: it would spin", c.desc)
		}
	}
}
