package wsconn

import "time"

const (
	// habitual is how many connections in a row must have lasted equally long
	// for their end to be somebody's rule rather than an accident: nginx closes
	// after proxy_read_timeout, tunnels after their own limit.
	habitual = 3
	// habitLeast is the shortest life that is taken for a rule: a shorter one
	// is a fault that a person should hear of.
	habitLeast = 20 * time.Second
)

// habit learns after how long a gateway cuts connections.
type habit struct {
	lives []time.Duration // of the last connections that others ended
}

// end notes that a connection lasted so long before others ended it, and
// reports whether that was to be expected.
func (h *habit) end(life time.Duration) bool {
	expected := h.period() > 0 && near(life, h.period())
	h.lives = append(h.lives, life)
	if len(h.lives) > habitual {
		h.lives = h.lives[1:]
	}
	return expected
}

// period is the rule that was learnt, 0 if there is none.
func (h *habit) period() time.Duration {
	if len(h.lives) < habitual {
		return 0
	}
	var sum time.Duration
	for _, l := range h.lives {
		if l < habitLeast || !near(l, h.lives[0]) {
			return 0
		}
		sum += l
	}
	return sum / time.Duration(len(h.lives))
}

// near allows for a tenth, and for the two seconds that jitter on the way and
// a heartbeat's moment make.
func near(a, b time.Duration) bool {
	d := a - b
	return max(d, -d) <= max(b/10, 2*time.Second)
}
