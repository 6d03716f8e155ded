// Package playback plays a book or an episode with a program that knows
// nothing of Audiobookshelf. It starts the program at the user's place. It
// reports what is heard as a playback session at the local address, like any
// other player. An outage is therefore the journal's to bridge.
//
// It never moves the place back because a program has merely opened a file, and it never
// holds a token of the server's.
package playback

import (
	"time"
)

// Track is an audio file, in the order of the whole.
type Track struct {
	URL      string
	Title    string
	Offset   float64 // where it begins within the whole, in seconds
	Duration float64 // seconds
}

// Chapter is a named moment of the whole, in seconds.
type Chapter struct {
	Title string
	Start float64
}

// near is how far before the wanted place a player may begin: files are sought by frames
// or key packets.
const near = 3.0

// tracker follows a player: where it is, and how long it was heard. It is pure.
type tracker struct {
	start  float64 // where it is to begin
	tracks []Track
	// arrived is set once the player has been at the place where it was to begin. Before
	// that its position says nothing of what the user hears.
	arrived bool
	at      float64       // the last place that was heard
	unsaid  time.Duration // heard since the last report
	heardAt time.Time     // the last moment at which something was heard
	lastPos float64       // in the whole; below 0: none
	last    time.Time     // of lastPos
}

func newTracker(start float64, tracks []Track) *tracker {
	return &tracker{start: start, tracks: tracks, at: start, lastPos: -1}
}

// begin returns the track in which the place is, and where in it.
func begin(tracks []Track, place float64) (n int, at float64) {
	for n = range tracks {
		if t := tracks[n]; place < t.Offset+t.Duration || n == len(tracks)-1 {
			return n, max(0, place-t.Offset)
		}
	}
	return 0, 0
}

// gap is the longest time between two positions of a player that plays.
const gap = 5 * time.Second

// position is told where the player is in a track.
func (t *tracker) position(track int, seconds float64, now time.Time) {
	if track < 0 || track >= len(t.tracks) || seconds < 0 {
		return
	}
	pos := t.tracks[track].Offset + seconds
	if !t.arrived && pos < t.start-near {
		return
	}
	t.arrived = true
	passed := now.Sub(t.last)
	switch {
	case t.lastPos < 0 || passed > gap || passed < 0: // the first one, or after a pause
	case pos > t.lastPos && passed > 0:
		t.unsaid += passed
		t.at, t.heardAt = pos, now
	}
	t.lastPos, t.last = pos, now
}

// silence is told that nothing is heard any more: a pause, a seek, the end of a file.
func (t *tracker) silence() { t.lastPos = -1 }

// ended is told that the last track was heard to its end.
func (t *tracker) ended() {
	if t.arrived && t.unsaid > 0 || t.arrived && t.at > t.start {
		last := t.tracks[len(t.tracks)-1]
		t.at = last.Offset + last.Duration
	}
}

// said is told that the server has what was heard until now.
func (t *tracker) said(heard time.Duration) { t.unsaid = max(0, t.unsaid-heard) }
