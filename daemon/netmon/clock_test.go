package netmon

import (
	"testing"
	"time"
)

func TestJump(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		desc                      string
		wall, mono, boot, planned time.Duration
		reason                    Reason
		asleep                    time.Duration
	}{
		{"an ordinary tick", 30 * time.Second, 30 * time.Second, 30 * time.Second, 30 * time.Second, "", 0},
		{"a little late", 31500 * time.Millisecond, 31500 * time.Millisecond, 31500 * time.Millisecond, 30 * time.Second, "", 0},
		{"slewed", 30*time.Second + 15*time.Millisecond, 30 * time.Second, 30 * time.Second, 30 * time.Second, "", 0},
		{"slept an hour", time.Hour + 30*time.Second, 30 * time.Second, time.Hour + 30*time.Second, 30 * time.Second, Woke, time.Hour},
		{"slept, and the clock was wrong afterwards", -time.Hour, 30 * time.Second, time.Hour + 30*time.Second, 30 * time.Second, Woke,
			time.Hour},
		{"slept, told by the alarm", time.Hour + time.Second, time.Second, time.Hour + time.Second, 0, Woke, time.Hour},
		{"stopped for a minute", 90 * time.Second, 90 * time.Second, 90 * time.Second, 30 * time.Second, Woke, time.Minute},
		{"the alarm comes at any time", 90 * time.Second, 90 * time.Second, 90 * time.Second, 0, "", 0},
		{"set back", 30*time.Second - time.Hour, 30 * time.Second, 30 * time.Second, 30 * time.Second, ClockSet, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			e, jumped := jump(reading{wall: began}, reading{wall: began.Add(c.wall), mono: c.mono, boot: c.boot}, c.planned)
			if jumped != (c.reason != "") || e.Reason != c.reason || e.Asleep != c.asleep {
				t.Errorf("%+v", e)
			}
		})
	}
	// Forward is sleep where no clock tells.
	want := ClockSet
	if !detectsSleep {
		want = Woke
	}
	if e, _ := jump(reading{wall: began}, reading{wall: began.Add(time.Hour), mono: time.Second, boot: time.Second}, 0); e.Reason != want {
		t.Errorf("forward: %+v", e)
	}
}
