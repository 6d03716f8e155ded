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
// certain losses one would have been left. Sessions that follow a sign-in later, such
// as further spares, belong to it.
func (w *world) certainSignIns(accepted []absfake.Login, losses []loss) (certain int) {
	type change struct {
		at              time.Time
		left, otherwise int // sessions gained, with and without the certain losses
	}
	var changes []change
	for _, l := range losses {
		c := change{l.at, -1, -1}
		if l.certain {
			c.otherwise = 0
		}
		changes = append(changes, c)
	}
	gained := make([]int, len(w.signIns))
	for _, l := range accepted {
		if i := slices.IndexFunc(w.signIns, func(s span) bool { return s.has(l.Time) }); i >= 0 {
			gained[i]++
		} else {
			changes = append(changes, change{l.Time, 1, 1})
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })
	left, otherwise := 0, 0
	needed := true // the newest sign-in, also without the certain losses
	for i, s := range w.signIns {
		for ; len(changes) > 0 && changes[0].at.Before(s.from); changes = changes[1:] {
			c := changes[0]
			left = max(0, left+c.left)
			if c.otherwise < 0 || needed {
				otherwise = max(0, otherwise+c.otherwise)
			}
		}
		if needed = left > 0 || otherwise == 0; needed {
			otherwise = gained[i]
		} else {
			certain++
		}
		left = gained[i]
	}
	return certain
}

// has reports whether t lies within s.
func (s span) has(t time.Time) bool { return !t.Before(s.from) && !t.After(s.to) }
