package upstream

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// plainLife is how long a connection rests at http://, until the first answer says
	// more: ABS announces `Keep-Alive: timeout=5` and closes after about 6 s (measured
	// on 2.36.0). A request that meets that close is lost or sent twice.
	plainLife = 4 * time.Second
	// usualLife is the same where nobody announces anything: nginx closes after 75 s,
	// Caddy after 5 min, and a shorter one shows itself.
	usualLife = 60 * time.Second
	// shortestLife is how long a connection rests at least.
	shortestLife = time.Second
	// sameCut is by how much two cuts may differ that count as one limit.
	sameCut = time.Second
)

// idleLife is how long connections to one address may rest. It is shorter than the
// time after which the other side closes them, as far as that is known.
type idleLife struct {
	now   time.Duration
	last  time.Duration // after which a connection was cut the last time; 0: never
	limit time.Duration // as the cuts show it; 0: they show none
	seen  bool          // an answer came
}

func newIdleLife(to *url.URL) idleLife {
	if to != nil && to.Scheme == "https" {
		return idleLife{now: usualLife}
	}
	return idleLife{now: plainLife}
}

// announced takes in the Keep-Alive header of an answer, "" for none, and reports
// whether the life is another one now.
func (l *idleLife) announced(header string) bool {
	before := *l
	timeout, ok := keepAliveTimeout(header)
	switch first := !l.seen; {
	case ok:
		l.now = max(shortestLife, min(timeout-time.Second, timeout*9/10, usualLife))
	case first:
		l.now = usualLife
	}
	if l.limit > 0 {
		l.now = min(l.now, l.limit)
	}
	l.seen = true
	return l.now != before.now
}

// cut takes in that the other side closed a connection that had rested for d, and
// reports whether the life is another one now. Two equal ones in a row are a limit; one
// is a server that restarts.
func (l *idleLife) cut(d time.Duration) bool {
	if d < shortestLife {
		return false
	}
	near := l.last > 0 && max(d-l.last, l.last-d) <= max(sameCut, d/10)
	l.last = d
	if !near || beforeCut(d) >= l.now {
		return false
	}
	l.limit, l.now = beforeCut(d), beforeCut(d)
	return true
}

// beforeCut is how long a connection may rest that is cut after d.
func beforeCut(d time.Duration) time.Duration { return max(shortestLife, min(d-time.Second, d*9/10)) }

// keepAliveTimeout reads "timeout=5, max=100".
func keepAliveTimeout(header string) (time.Duration, bool) {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "timeout") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 16)
		return time.Duration(seconds) * time.Second, err == nil && seconds > 0
	}
	return 0, false
}
