package conformance

import (
	"strconv"
	"strings"
	"time"

	"shelfkeeper/daemon/absfake"
)

// began is when the recorder began with the group.
func (p *plan) began() time.Time {
	first := int64(0)
	for _, t := range p.rec.Tokens {
		if at := t.issued(); first == 0 || at < first {
			first = at
		}
	}
	own := int64(0)
	for _, h := range p.tokens {
		if at := p.rec.Tokens[h].issued(); at != 0 && (own == 0 || at < own) {
			own = at
		}
	}
	return time.Unix(max(first, own), 0)
}

// issuedIn is the second of the newest token of a kind that the answer holds, 0
// where it holds none.
func (p *plan) issuedIn(c *Case, kind string) int64 {
	at := int64(0)
	if c.Kind() != Exchange {
		return 0
	}
	for _, h := range holders.FindAllString(c.heard(), -1) {
		if t := p.rec.Tokens[h]; t.text("type") == kind {
			at = max(at, t.issued())
		}
	}
	return at
}

// at is the second in which case i was recorded, 0 where nothing tells it.
func (p *plan) at(i int) int64 {
	return max(p.issuedIn(p.cases[i], absfake.TokenAccess), p.issuedIn(p.cases[i], absfake.TokenRefresh))
}

// topic is what cases that belong together have in common.
func topic(c *Case) string {
	if afterDrop.MatchString(c.What) {
		return c.Name // each begins with a sign-in of its own
	}
	parts := strings.SplitN(c.Name, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// due tells whether something hidden that is first used at case first, and was
// done at the given second, comes before case i.
func (p *plan) due(i, first int, at int64) bool {
	return first <= i || topic(p.cases[first]) == topic(p.cases[i]) || (i > 0 && i >= p.stop-1 && first > i) ||
		(at != 0 && p.at(i) >= at)
}

// lapse is until when the recorder waited for a token of case i to lapse.
func (p *plan) lapse(c *Case) int64 {
	if c.Kind() != Exchange || c.Response == nil || c.Response.Status != 401 {
		return 0
	}
	at := int64(0)
	for _, h := range holders.FindAllString(c.sent(), -1) {
		t := p.rec.Tokens[h]
		end, _ := t.Claims["exp"].(float64)
		pattern := lapsedAccess
		if t.text("type") == absfake.TokenRefresh {
			pattern = lapsedRefresh
		}
		if pattern.MatchString(c.What) {
			at = max(at, int64(end))
		}
	}
	return at
}

func duration(seconds string) time.Duration {
	f, _ := strconv.ParseFloat(seconds, 64)
	return time.Duration(f * float64(time.Second))
}
