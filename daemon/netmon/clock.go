package netmon

import (
	"fmt"
	"time"
)

// tolerance is the difference of clocks that does not count as a jump. A clock
// that is slewed runs wrong by 0.05 %, and a loaded machine is late by less.
const tolerance = 2 * time.Second

// reading holds the times of all clocks at one moment.
type reading struct {
	wall time.Time     // without a monotonic part
	mono time.Duration // stops during sleep, except on Windows
	boot time.Duration // runs during sleep; equal to mono where the system has no such clock
}

// start anchors mono to this process.
var start = time.Now()

// jump compares two readings. planned is the time that should have passed between
// them; 0 means any time. The wall clock alone cannot distinguish a moved clock
// from sleep. A clock that runs during sleep can; without one a jump forward counts
// as sleep.
func jump(before, after reading, planned time.Duration) (Event, bool) {
	ran := after.mono - before.mono
	slept := after.boot - before.boot - ran
	moved := after.wall.Sub(before.wall) - ran
	switch {
	case slept > tolerance:
		return woke("slept", slept), true
	case planned > 0 && ran-planned > tolerance:
		return woke("did not run", ran-planned), true
	case moved > tolerance && !detectsSleep:
		return woke("slept", moved), true
	case moved > tolerance, moved < -tolerance:
		return Event{Reason: ClockSet, Detail: fmt.Sprintf("by %v", moved.Round(time.Second))}, true
	}
	return Event{}, false
}

func woke(how string, d time.Duration) Event {
	return Event{Reason: Woke, Detail: fmt.Sprintf("%s for %v", how, d.Round(time.Second)), Asleep: d}
}
