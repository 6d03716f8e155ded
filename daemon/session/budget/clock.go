package budget

import "time"

// reading is what the clocks showed at one moment: the one that people and
// network time set, and the one that only runs, through sleep as well, from
// boot on.
type reading struct {
	Wall time.Time     `json:"wall"`
	Up   time.Duration `json:"up,omitempty"`
	Boot string        `json:"boot,omitempty"` // which boot Up counts from; "" for no such clock
}

// clock returns how long the machine has been up, and which boot that is.
type clock func() (up time.Duration, boot string)

// noClock is for systems without one, and for tests in a time of their own. A
// clock that is set forward then ends windows early; one that is set back does
// no harm.
func noClock() (time.Duration, string) { return 0, "" }

// clockSlack is what need not be written at once: network time turns a clock
// slowly, and the next write takes it in.
const clockSlack = 2 * time.Second

// correct makes the moments of the book right after the wall clock was set, and
// returns what it shows now. by is what the clocks showed when the caller
// asked; waiting for another process may have made that old. Between two boots
// only the wall clock is there to ask: set forward meanwhile, or right before
// with nothing asked since, it is believed.
func (b *book) correct(by reading) (now time.Time, set bool) {
	var shift time.Duration
	if by.Boot != "" && by.Boot == b.Set.Boot {
		if late := b.Set.Up - by.Up; late > 0 {
			by.Up, by.Wall = b.Set.Up, by.Wall.Add(late)
		}
		shift = by.Wall.Sub(b.Set.Wall) - (by.Up - b.Set.Up)
	}
	for _, s := range b.Servers {
		if shift != 0 || s.ahead(by.Wall) {
			set = set || shift.Abs() >= clockSlack || s.ahead(by.Wall.Add(clockSlack))
			s.spending = s.shifted(shift, by.Wall)
		}
	}
	set = set || by.Boot != b.Set.Boot
	b.Set = by
	return by.Wall, set
}

// ahead reports whether s holds what has not been yet.
func (s spending) ahead(now time.Time) bool {
	for _, t := range s.Spent {
		if t.After(now) {
			return true
		}
	}
	return s.Said.After(now)
}
