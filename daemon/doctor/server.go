package doctor

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
)

// doer lets absapi ask as this examination asks.
type doer struct{ r *run }

func (d doer) Do(req *http.Request) (*http.Response, error) { return d.r.Up.Transport().RoundTrip(req) }

func (r *run) client() *absapi.Client { return absapi.New(doer{r}, r.base) }

// refused is the fault that an answer of absapi's is.
func (r *run) refused(err error) Finding {
	e := absapi.AsError(err)
	if e == nil {
		return r.obstacle(err)
	}
	return fault(r.named(e.Remedy), "%s", e.Evidence)
}

// identity asks who answers.
func (r *run) identity(ctx context.Context) Finding {
	status, err := r.client().Status(ctx)
	if err != nil {
		return r.refused(err)
	}
	r.status = status
	if !status.Initialised {
		return fault("open the server's page and make its first user", "Audiobookshelf %s answers, and was never set up", status.Version)
	}
	return ok("Audiobookshelf %s answers at %s", status.Version, r.base)
}

// weakness is a fault of releases that is known.
type weakness struct {
	before string // the first release without it
	text   string
}

// Sources: the server's release notes and its sources at these tags; the
// project's reference of measured behaviour.
var weaknesses = []weakness{
	{"2.26.0", "tokens never end, and a stolen one is good for ever"},
	{"2.28.0", "a malformed request for a track can end the server"},
	{"2.33.2", "it lacks security fixes that came with 2.33.2"},
	{"2.35.0", "an answer that is lost during a renewal ends the session"},
	{"2.35.1", "two tokens that one user gets in the same second are the same"},
	{"2.36.0", "a refresh token is taken as an access token"},
}

func (r *run) release(context.Context) Finding {
	var known []string
	for _, w := range weaknesses {
		if !absapi.SameOrLater(r.status.Version, w.before) {
			known = append(known, w.text)
		}
	}
	if len(known) == 0 {
		return ok("no fault of release %s that matters here is known", r.status.Version)
	}
	return note("update the server; make a backup first", "release %s: %s", r.status.Version, strings.Join(known, "; "))
}

// skewAllowed is how far the clocks may differ: an access token lives an hour.
const skewAllowed = time.Minute

func (r *run) clock(ctx context.Context) Finding {
	a, err := r.get(ctx, "ping", nil)
	if err != nil {
		return r.obstacle(err)
	}
	theirs, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return unknown("the answer has no date")
	}
	skew := theirs.Sub(a.At).Round(time.Second)
	if skew.Abs() <= skewAllowed {
		return ok("the clocks differ by %s at most", max(skew.Abs(), time.Second))
	}
	which := "ahead of"
	if skew < 0 {
		which = "behind"
	}
	return note("set both clocks by NTP; sessions go on, but times of listening are wrong", "the server's clock is %s %s this machine's", skew.Abs(), which)
}

func (r *run) signIn(context.Context) Finding {
	local, open := slices.Contains(r.status.AuthMethods, "local"), slices.Contains(r.status.AuthMethods, "openid")
	switch {
	case local && open:
		return note("without a password login only the provider guards the server", "by password and by OpenID")
	case open:
		return ok("by OpenID")
	case local:
		return ok("by password")
	}
	return unknown("the server names no way to sign in")
}
