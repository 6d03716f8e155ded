package doctor

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"shelfkeeper/daemon/absapi"
)

// Renewals is what real renewals and sign-ins have shown of the server.
type Renewals struct {
	// Cookie is how the server marks the cookie of a session, since CookieAt.
	Cookie   absapi.CookieMark
	CookieAt time.Time
	// Limit and Window are the server's limit of sign-ins; 0 is not known. Off says
	// that it has none.
	Limit  int
	Window time.Duration
	Off    bool
	// Spent are the requests of this machine that count, those of this examination
	// among them.
	Spent []time.Time
}

func (r *run) renewals() Renewals {
	if r.Renewals == nil {
		return Renewals{}
	}
	return r.Renewals()
}

// usualWindow is the server's own (RATE_LIMIT_AUTH_WINDOW), where an answer names none.
const usualWindow = 10 * time.Minute

// fewSignIns is a limit that leaves little to several programs of a house.
const fewSignIns = 10

// limiter says how many sign-ins the server allows.
func (r *run) limiter(context.Context) Finding {
	limit, window := r.limit.Limit, r.limit.Window
	from := ""
	if !r.limit.Present {
		switch known := r.renewals(); {
		case known.Off || r.direct:
			return note("remove RATE_LIMIT_AUTH_MAX=0 at the server", "it has none: passwords can be tried as fast as it answers")
		case known.Limit == 0:
			return unknown("no answer told of it: the gateway may remove its headers, or it is switched off")
		default:
			limit, window, from = known.Limit, known.Window, ", as the last renewal told"
		}
	}
	if window == 0 {
		window = usualWindow
	}
	if limit < fewSignIns {
		return note("raise RATE_LIMIT_AUTH_MAX to 40: each renewal of each program of this house counts",
			"%d sign-ins and renewals in %s for each address%s", limit, shown(window), from)
	}
	return ok("%d sign-ins and renewals in %s for each address%s", limit, shown(window), from)
}

// shown is a span as people say it.
func shown(d time.Duration) string {
	plural := func(n int, word string) string {
		if n == 1 {
			return "1 " + word
		}
		return itoa(n) + " " + word + "s"
	}
	switch {
	case d >= 48*time.Hour && d%(24*time.Hour) < time.Hour:
		return plural(int(d/(24*time.Hour)), "day")
	case d >= time.Hour && d%time.Hour < time.Minute:
		return plural(int(d/time.Hour), "hour")
	case d >= time.Minute && d%time.Minute < time.Second:
		return plural(int(d/time.Minute), "minute")
	}
	return d.Round(time.Second).String()
}

// sentLate is how much later than it was counted a request may have reached the server.
const sentLate = 5 * time.Second

// manyOthers is how many sign-ins of others are more than a browser of this machine
// makes beside us.
const manyOthers = 5

// limiterShared asks whether the server counts sign-ins for each address by itself.
// Behind a gateway that does not say for whom it speaks it counts everybody together.
//
// In a network of one's own, a request that names this machine's address shows that: it
// must be counted with the one that named none. Besides, what the server has counted
// and this machine has not sent is somebody else's.
func (r *run) limiterShared(ctx context.Context) Finding {
	if !r.limit.Present || r.limit.Remaining == 0 {
		return Finding{}
	}
	private, known := r.private(ctx)
	own := known && private && !r.direct && !r.viaProxy()
	if own && r.as == nil && r.limit.Remaining > 1 {
		if f := r.spend(); f.Verdict == "" { // of errors the first request has told
			_, _ = r.limited(ctx, http.MethodPost, "auth/refresh", http.Header{"X-Refresh-Token": {absapi.NoToken}})
		}
	}
	const remedy = "let the gateway say for whom it speaks: nginx `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`, " +
		"Apache ProxyAddHeaders, HAProxy `option forwardfor`; Caddy and Traefik do it by themselves"
	if own && r.as != nil && r.as.Remaining >= r.limit.Remaining && r.limit.Reset > stepDeadline {
		return fault(remedy, "the server does not count us by our own address (%s): it takes everybody for one, "+
			"and one who mistypes a password locks all out",
			r.local)
	}
	others := r.others()
	switch {
	case others <= 0:
		return ok("nobody else's sign-ins count with ours")
	case r.direct || others < manyOthers:
		return ok("%s that Shelfkeeper did not make count with ours, as those of a browser on this machine do", signIns(others))
	case own:
		return fault(remedy, "%s of others count with ours: the server takes everybody for one address, "+
			"and one who mistypes a password locks all out", signIns(others))
	}
	return note(remedy, "%s that Shelfkeeper did not make count with ours: they are of other programs behind your own address, "+
		"or of everybody, if the gateway does not say for whom it speaks", signIns(others))
}

func signIns(n int) string {
	if n == 1 {
		return "1 sign-in"
	}
	return itoa(n) + " sign-ins"
}

// others is how many requests the server had counted with our first one that this
// machine did not send.
func (r *run) others() int {
	window := r.limit.Window
	if window == 0 {
		window = usualWindow
	}
	begun, ours := r.limitAt.Add(r.limit.Reset-window-sentLate), 0
	for _, at := range r.renewals().Spent {
		if !at.Before(begun) && !at.After(r.limitAt) {
			ours++
		}
	}
	return r.limit.Limit - r.limit.Remaining - max(ours, 1)
}

// forwardedProto says whether the server knows that people reach it by https. Only a
// real renewal shows it, and the start of a sign-in through OpenID.
func (r *run) forwardedProto(context.Context) Finding {
	if r.base.Scheme != "https" {
		return Finding{}
	}
	const remedy = "let the gateway tell it: nginx `proxy_set_header X-Forwarded-Proto $scheme;`, Apache `RequestHeader " +
		"set X-Forwarded-Proto expr=%{REQUEST_SCHEME}`, HAProxy `http-request set-header X-Forwarded-Proto https`; " +
		"Caddy and Traefik do it by themselves"
	if back, err := url.Parse(r.openID); err == nil && back.Scheme == "http" {
		return fault(remedy, "the server does not know that it is reached by https: OpenID leads people back to %s", back.String())
	}
	known := r.renewals()
	since := known.CookieAt.Local().Format("2 January 15:04")
	switch known.Cookie {
	case absapi.CookiePlain:
		list := ""
		if !absapi.SameOrLater(r.status.Version, "2.36.0") {
			list = "; before 2.36.0 it must be `https` alone, not a list"
		}
		return fault(remedy+list, "the server does not know that it is reached by https: "+
			"since the renewal of %s it does not mark its cookies Secure", since)
	case absapi.CookieSecure:
		return ok("the server knows that it is reached by https (since the renewal of %s)", since)
	}
	if r.openID != "" {
		return ok("the server knows that it is reached by https")
	}
	return unknown("a real renewal shows it, and there was none yet")
}
