package wsconn

import (
	"slices"
	"time"
)

const (
	// cutsInARow is how many connections in a row must last equally long before
	// their end counts as a rule and not as an accident. nginx closes after
	// proxy_read_timeout, tunnels after a limit of their own.
	cutsInARow = 3
	// shortestCutPeriod is the shortest life that counts as a rule. Shorter ones
	// are a fault that the user should see.
	shortestCutPeriod = 20 * time.Second
	// shortestCut is the shortest life that a time limit explains. What ends sooner is
	// no limit, but a server or a gateway that fails.
	shortestCut = 2 * time.Second
)

// cutPeriod learns after how long a gateway cuts every connection.
type cutPeriod struct {
	lives []time.Duration // of the last connections that the other side ended
}

// end records the life of a connection that the other side ended, and reports
// whether its end was expected.
func (p *cutPeriod) end(life time.Duration) bool {
	expected := p.period() > 0 && near(life, p.period())
	p.lives = append(p.lives, life)
	if len(p.lives) > cutsInARow {
		p.lives = p.lives[1:]
	}
	return expected
}

// period returns the learnt period, or 0 when there is none.
func (p *cutPeriod) period() time.Duration {
	if len(p.lives) < cutsInARow {
		return 0
	}
	var sum time.Duration
	for _, l := range p.lives {
		if l < shortestCutPeriod || !near(l, p.lives[0]) {
			return 0
		}
		sum += l
	}
	return sum / time.Duration(len(p.lives))
}

// short returns after how long every connection is cut where that is too soon to be
// useful, or 0. It is a fault of the gateway's configuration.
func (p *cutPeriod) short() time.Duration {
	if len(p.lives) < cutsInARow {
		return 0
	}
	least, most := slices.Min(p.lives), slices.Max(p.lives)
	if least < shortestCut || most >= shortestCutPeriod || most-least > time.Second {
		return 0
	}
	return most
}

// near allows a tenth, and at least two seconds: jitter on the way and the
// moment of the heartbeat account for that.
func near(a, b time.Duration) bool {
	d := a - b
	return max(d, -d) <= max(b/10, 2*time.Second)
}
