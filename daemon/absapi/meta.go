package absapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter bounds what a Retry-After can ask for: a gateway's mistake must
// not put a session to sleep for days. ABS's own window is 10 minutes unless
// configured (RATE_LIMIT_AUTH_WINDOW).
const MaxRetryAfter = time.Hour

// maxWindow bounds the limiter's window and reset for the same reason.
const maxWindow = 24 * time.Hour

// Meta is what an answer says beside its body. All of it may be absent.
type Meta struct {
	// ServerDate is the Date header; zero if none came.
	ServerDate time.Time
	Limit      RateLimit
	// Cookie is how the server marked the cookie of a session.
	Cookie CookieMark
	// Direct reports that ABS itself answered and that nothing in between left
	// a trace: a limited route that then shows no RateLimit has no limiter.
	Direct bool
}

// CookieMark tells whether the server knows that people reach it by https: it marks
// the cookie of a session Secure then, and a gateway tells it by X-Forwarded-Proto
// (abs: server/utils/requestUtils.js). Each renewal brings such a cookie, which is
// not kept. Empty where none was seen, or where the answer did not come over TLS.
type CookieMark string

// The marks.
const (
	CookieSecure CookieMark = "secure"
	CookiePlain  CookieMark = "plain"
)

func (a reply) cookie() CookieMark {
	if !a.secure {
		return ""
	}
	for _, line := range a.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == "refresh_token" && c.Value != "" {
			if c.Secure {
				return CookieSecure
			}
			return CookiePlain
		}
	}
	return ""
}

// RateLimit is ABS's limiter as its headers tell it (express-rate-limit,
// abs: server/utils/rateLimiterFactory.js). One bucket covers login, refresh,
// OpenID and password change of a client address.
type RateLimit struct {
	Present          bool // false: the answer named no limit
	Limit, Remaining int
	Reset, Window    time.Duration // Window is 0 if unknown
}

func (a reply) meta() Meta {
	m := Meta{Limit: rateLimit(a.header), Cookie: a.cookie()}
	if d, err := http.ParseTime(a.header.Get("Date")); err == nil {
		m.ServerDate = d
	}
	m.Direct = a.status != 0 && !a.secure && !showsGateway(a.header)
	return m
}

// showsGateway reports a trace of something between ABS and us. ABS is plain
// Node: it sends no Server and no Via header. Traefik leaves no trace, but it
// passes RateLimit headers on.
func showsGateway(h http.Header) bool {
	for _, name := range []string{"Server", "Via", "X-Cache", "Age", "Cf-Ray", "X-Served-By", "X-Amz-Cf-Id",
		"X-Envoy-Upstream-Service-Time", "Alt-Svc", "Www-Authenticate"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

// LimitOf reads the limiter of an answer's headers.
func LimitOf(h http.Header) RateLimit { return rateLimit(h) }

func rateLimit(h http.Header) RateLimit {
	limit, ok1 := natural(h.Get("RateLimit-Limit"))
	remaining, ok2 := natural(h.Get("RateLimit-Remaining"))
	if !ok1 || !ok2 {
		return RateLimit{}
	}
	r := RateLimit{Present: true, Limit: limit, Remaining: min(remaining, limit)}
	if s, ok := natural(h.Get("RateLimit-Reset")); ok {
		r.Reset = seconds(s, maxWindow)
	}
	if _, w, ok := strings.Cut(h.Get("RateLimit-Policy"), ";w="); ok {
		w, _, _ = strings.Cut(w, ";")
		if s, ok := natural(w); ok {
			r.Window = seconds(s, maxWindow)
		}
	}
	return r
}

// retryAfter reads Retry-After in both its forms; a date is taken against the
// answer's own Date, since our clock may be wrong. A 429 without one falls
// back to the limiter's reset.
func retryAfter(status int, h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, ok := natural(v); ok {
		return seconds(s, MaxRetryAfter)
	}
	if at, err := http.ParseTime(v); err == nil {
		if d, err := http.ParseTime(h.Get("Date")); err == nil {
			now = d
		}
		return min(max(0, at.Sub(now)), MaxRetryAfter)
	}
	if status == http.StatusTooManyRequests {
		return min(rateLimit(h).Reset, MaxRetryAfter)
	}
	return 0
}

// natural reads a decimal number of at most nine digits, so that no product
// with time.Second can overflow.
func natural(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	if s = strings.TrimLeft(s, "0"); s == "" {
		return 0, true
	}
	if len(s) > 9 {
		return 999_999_999, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func seconds(n int, most time.Duration) time.Duration { return min(time.Duration(n)*time.Second, most) }
