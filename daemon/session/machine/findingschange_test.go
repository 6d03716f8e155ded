package machine

import (
	"errors"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
)

func TestTurnsAt(t *testing.T) {
	weather := &absapi.Error{Verdict: absapi.RateLimited}
	base := State{Phase: Fresh, Published: Published{Generation: 1},
		Clocks: Clocks{UsableUntil: noon.Add(time.Hour), UsableForAtMost: noon.Add(2 * time.Hour)}}
	base.Published.Pair.Access.Secret = jwtOf("access", "1", noon, time.Hour)
	for _, c := range []struct {
		desc   string
		change func(*State)
		want   time.Time
	}{
		{"all is well", func(*State) {}, noon.Add(time.Hour)},
		{"renewed on demand", func(s *State) { s.Clocks.OnDemand = true }, time.Time{}},
		{"weather", func(s *State) { s.Failure = weather }, noon.Add(time.Hour)},
		{"disk", func(s *State) { s.Trouble = errors.New("full") }, noon.Add(time.Hour)},
		{"by the other clock first", func(s *State) { s.Failure, s.Clocks.UsableForAtMost = weather, noon.Add(time.Minute) },
			noon.Add(time.Minute)},
		{"over already", func(s *State) { s.Failure, s.Clocks.UsableUntil = weather, noon.Add(-time.Minute) }, time.Time{}},
		{"breaker", func(s *State) { s.Suspicion.BrokenUntil = noon.Add(time.Minute) }, noon.Add(time.Minute)},
		{"static", func(s *State) { s.Phase, s.Failure = Static, weather }, time.Time{}},
	} {
		s := base
		c.change(&s)
		at := s.FindingsChangeAt(noon)
		if !at.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.desc, at, c.want)
		}
		if !at.IsZero() && s.FindingsChangeAt(at).Equal(at) {
			t.Errorf("%s: it would spin", c.desc)
		}
	}
}
