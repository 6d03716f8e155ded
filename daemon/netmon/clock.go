package netmon

import (
	"fmt"
	"time"
)

// tolerance is what clocks may differ by without a jump: a clock that is
// slewed runs wrong by 0.05 %, and a loaded machine is late by less.
const tolerance = 2 * time.Second

// reading is all clocks at one moment.
type reading struct {
	wall time.Time     // without a monotonic part
	mono time.Duration // stands still in sleep, but on Windows
	boot time.Duration // does not; the same as mono where the system has none
}

// start anchors mono to this process.
var start = time.Now()

// jump compares two readings, between which planned should have passed; 0 is
// any time. A clock that was moved and a machine that slept look the same to
// the wall clock; only where there is a clock that runs in sleep can they be
// told apart, and elsewhere a jump forward counts as sleep.
func jump(before, after reading, planned time.Duration) (Event, bool) {
	ran := after.mono - before.mono
	slept := after.boot - before.boot - ran
	moved := after.wall.Sub(before.wall) - ran
	switch {
	case slept > tolerance:
		return woke("slept", slept), true
	case planned > 0 && ran-planned > tolerance:
		return woke("did not run", ran-planned), true
	case moved > tolerance && !tellsSleep:
		return woke("slept", moved), true
	case moved > tolerance, moved < -tolerance:
		return Event{Reason: ClockSet, Detail: fmt.Sprintf("by %v", moved.Round(time.Second))}, true
	}
	return Event{}, false
}

func woke(how string, d time.Duration) Event {
	return Event{Reason: Woke, Detail: fmt.Sprintf("%s for %v", how, d.Round(time.Second)), Asleep: d}
}
