package machine

import (
	"testing"
	"time"
	"unsafe"

	"shelfkeeper/daemon/absapi"
)

// onClocks is a moment whose clocks show different things, as after a sleep or
// when somebody has set the wall clock: package time makes no such value itself.
func onClocks(t *testing.T, wall time.Time, monotonic time.Duration) time.Time {
	t.Helper()
	at := time.Now()
	raw := (*struct {
		wall uint64
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&at))
	const from1885 = 62135596800 - 59453308800 // Unix seconds to those that package time counts here
	raw.wall = 1<<63 | uint64(wall.Unix()+from1885)<<30 | uint64(wall.Nanosecond())
	raw.ext = int64(time.Hour + monotonic)
	if !at.Round(0).Equal(wall) || at.Sub(at.Add(-time.Minute)) != time.Minute {
		t.Fatal("package time keeps its values in another way now")
	}
	return at
}

// A pause is over by the clock that gets there first: the wall clock goes on in
// sleep, and the monotonic one when the wall clock is set back.
func TestPausesEndByEitherClock(t *testing.T) {
	begin := onClocks(t, noon, 0)
	limited := RefreshFailed{Err: &absapi.Error{Verdict: absapi.RateLimited, Status: 429, RetryAfter: 10 * time.Minute}}
	for _, c := range []struct {
		desc      string
		wall      time.Duration
		monotonic time.Duration
		over      bool
	}{
		{"nine minutes later", 9 * time.Minute, 9 * time.Minute, false},
		{"eleven minutes later", 11 * time.Minute, 11 * time.Minute, true},
		{"after eight hours of sleep", 8 * time.Hour, time.Second, true},
		{"the clock was set back by two hours", -109 * time.Minute, 11 * time.Minute, true},
		{"the clock was set back, and it is early", -119 * time.Minute, time.Minute, false},
	} {
		s, _ := drive(rotating(t, "2.36.0"), begin, limited)
		s, effects := Next(s, Event{At: onClocks(t, noon.Add(c.wall), c.monotonic), Fact: Due{}})
		if (s.Step == Acquiring) != c.over {
			t.Errorf("%s: %v, %#v", c.desc, s.Describe(), effects)
		}
	}
}

// The renewal of a pair follows both clocks too, and so does its end.
func TestRenewalFollowsBothClocks(t *testing.T) {
	begin := onClocks(t, noon, 0)
	rec := recordAt(noon)
	for _, c := range []struct {
		desc            string
		wall, monotonic time.Duration
		due, usable     bool
	}{
		{"half an hour later", 30 * time.Minute, 30 * time.Minute, false, true},
		{"fifty-five minutes later", 55 * time.Minute, 55 * time.Minute, true, true},
		{"forty-five minutes of it asleep", 55 * time.Minute, 10 * time.Minute, true, true},
		{"the clock was set back by two hours", -65 * time.Minute, 55 * time.Minute, true, true},
		{"set back, and the token has ended", -59 * time.Minute, 61 * time.Minute, true, false},
		{"the clock was set forward", 3 * time.Hour, time.Minute, true, false},
	} {
		s, _ := drive(State{Rules: RulesOf("2.36.0")}, begin, Started{}, Opened{Record: rec}, Settled{Generation: 3})
		now := onClocks(t, noon.Add(c.wall), c.monotonic)
		if s.Usable(now) != c.usable {
			t.Errorf("%s: usable %v", c.desc, s.Usable(now))
		}
		if s, _ = Next(s, Event{At: now, Fact: Due{}}); (s.Step == Acquiring) != c.due {
			t.Errorf("%s: %v", c.desc, s.Describe())
		}
	}
}
