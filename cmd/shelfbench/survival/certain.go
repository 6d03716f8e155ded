package survival

import (
	"slices"
	"time"

	"shelfkeeper/daemon/absfake"
)

// loss is a rotation that was lost. It is certain where the script itself placed
// a crash or a sleep between the server's write and the durable answer.
type loss struct {
	at      time.Time
	certain bool
}

// struckAt reports whether an event that the script placed inside a rotation
// came during the one that the server wrote down at t.
func (w *world) struckAt(t time.Time) bool {
	return slices.ContainsFunc(w.strikes, func(at time.Time) bool { return at.Sub(t).Abs() <= onTheWay })
}

// certainSignIns returns how many of the sign-ins by hand follow from certain
// losses alone: each of the client's sessions was lost by then, and without the
// certain losses one would have been left.
func (w *world) certainSignIns(accepted []absfake.Login, losses []loss) (certain int) {
	slices.SortFunc(losses, func(a, b loss) int { return a.at.Compare(b.at) })
	left, otherwise := 0, 0 // sessions, with and without the certain losses
	for _, l := range accepted {
		if !slices.ContainsFunc(w.signIns, func(s span) bool { return s.has(l.Time) }) {
			left++
			otherwise++
		}
	}
	for _, s := range w.signIns {
		for len(losses) > 0 && losses[0].at.Before(s.from) {
			left = max(0, left-1)
			if !losses[0].certain {
				otherwise = max(0, otherwise-1)
			}
			losses = losses[1:]
		}
		gained := 0
		for _, l := range accepted {
			if s.has(l.Time) {
				gained++
			}
		}
		if left == 0 && otherwise > 0 {
			certain++
		} else {
			otherwise = gained
		}
		left = gained
	}
	return certain
}

// has reports whether t lies within s.
func (s span) has(t time.Time) bool { return !t.Before(s.from) && !t.After(s.to) }
