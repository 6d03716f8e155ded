package absapi

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
)

func TestParseToken(t *testing.T) {
	for _, c := range []struct {
		desc   string
		claims object
		want   Token
	}{
		{"access", object{"userId": "u", "username": "n", "jti": "j", "type": "access", "iat": issued, "exp": issued + 60},
			Token{UserID: "u", Username: "n", ID: "j", Type: "access", IssuedAt: at(issued), ExpiresAt: at(issued + 60)}},
		{"refresh without jti", object{"userId": "u", "username": "n", "type": "refresh", "iat": issued, "exp": issued + 60},
			Token{UserID: "u", Username: "n", Type: "refresh", IssuedAt: at(issued), ExpiresAt: at(issued + 60)}},
		{"legacy", object{"userId": "u", "username": "n", "iat": issued}, Token{UserID: "u", Username: "n", IssuedAt: at(issued)}},
		{"API key", object{"keyId": "k", "name": "phone", "type": "api", "iat": issued},
			Token{ID: "k", Username: "phone", Type: "api", IssuedAt: at(issued)}},
		{"exp in milliseconds", object{"userId": "u", "type": "access", "iat": issued, "exp": 1800000000000},
			Token{UserID: "u", Type: "access", IssuedAt: at(issued)}},
		{"exp beyond all numbers", object{"userId": "u", "type": "access", "iat": issued, "exp": 1e300},
			Token{UserID: "u", Type: "access", IssuedAt: at(issued)}},
		{"exp before all time", object{"userId": "u", "type": "access", "iat": -7, "exp": -5},
			Token{UserID: "u", Type: "access", ExpiresAt: at(0)}},
		{"expired long ago", object{"userId": "u", "type": "access", "iat": 1, "exp": 2},
			Token{UserID: "u", Type: "access", IssuedAt: at(1), ExpiresAt: at(2)}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			raw := mint(c.claims)
			got, err := ParseToken(redact.New(raw))
			if err != nil {
				t.Fatal(err)
			}
			if !got.IssuedAt.Equal(c.want.IssuedAt) || !got.ExpiresAt.Equal(c.want.ExpiresAt) || got.Secret.Reveal() != raw {
				t.Errorf("got %+v", got)
			}
			if lifetime(got) != lifetime(c.want) {
				t.Errorf("lifetime %v", lifetime(got))
			}
			got.Secret, got.IssuedAt, got.ExpiresAt = c.want.Secret, c.want.IssuedAt, c.want.ExpiresAt
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestParseTokenRefuses(t *testing.T) {
	good := mint(object{"userId": "u", "type": "access", "iat": issued})
	if _, err := ParseToken(redact.New(good)); err != nil {
		t.Fatal(err)
	}
	for desc, raw := range map[string]string{
		"empty":            "",
		"text":             "hello",
		"two parts":        good[:strings.LastIndex(good, ".")],
		"line break":       good[:10] + "\n" + good[10:],
		"trailing break":   good + "\n",
		"space":            " " + good,
		"quote":            good + `"`,
		"no user":          mint(object{"username": "n"}),
		"not an object":    mint("userId"),
		"user is a number": mint(object{"userId": 7}),
		"time as text":     mint(object{"userId": "u", "exp": "soon"}),
		"too large":        mint(object{"userId": "u", "pad": strings.Repeat("x", maxToken)}),
		"page":             "<html>.<b>.</html>",
	} {
		_, err := ParseToken(redact.New(raw))
		if !errors.Is(err, ErrNotToken) {
			t.Errorf("%s: got %v", desc, err)
		} else if raw != "" && strings.Contains(err.Error(), raw) {
			t.Errorf("%s: the error quotes the token", desc)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(mint(object{"userId": "u", "exp": 1e18, "iat": -1e18}))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := ParseToken(redact.New(s))
		if err == nil && (tok.UserID == "" && tok.ID == "" || strings.ContainsAny(s, "\r\n \"") || tok.ExpiresAt.Year() > 9999 ||
			lifetime(tok) < 0) {
			t.Errorf("%q gives %+v", s, tok)
		}
	})
}

func FuzzClassify(f *testing.F) {
	access, refresh := mintPair("u1")
	f.Add(3, 200, "application/json", "", sessionBody("u1", access, refresh))
	f.Add(3, 401, "application/json; charset=utf-8", "", `{"error":"Refresh token expired"}`)
	f.Add(2, 401, "", "", "Unauthorized")
	f.Add(0, 302, "text/html", "https://\x00", "<title>&#0;</title>")
	f.Fuzz(func(t *testing.T, o, status int, kind, to, body string) {
		q := op(uint(o) % 6)
		a := reply{status: status, header: http.Header{"Content-Type": {kind}, "Location": {to}, "Retry-After": {to},
			"Ratelimit-Limit": {kind}}, body: []byte(body)}
		v, evidence := classify(q, a)
		e := a.failure(q, v, evidence)
		switch {
		case v.IsRejection() && status != 401, v == Accepted && status != 200, v != Accepted && evidence == "":
			t.Errorf("%v %d: %v %q", q, status, v, evidence)
		case strings.ContainsAny(e.Error(), "\r\n"), e.RetryAfter < 0, e.RetryAfter > MaxRetryAfter:
			t.Errorf("%v %d: %q, %v", q, status, e, e.RetryAfter)
		}
		if v == Accepted && (q == opLogin || q == opRefresh) {
			if s, _, _ := decodeSession(a.body, refreshCookie(a.header)); s.Pair.Refresh.Secret.IsEmpty() || s.Pair.Access.UserID != s.UserID {
				t.Errorf("accepted %+v", s)
			}
		}
	})
}

func TestMeta(t *testing.T) {
	h := func(kv ...string) http.Header {
		out := http.Header{}
		for i := 0; i < len(kv); i += 2 {
			out.Set(kv[i], kv[i+1])
		}
		return out
	}
	const date = "Sat, 21 Nov 2026 02:01:56 GMT"
	for _, c := range []struct {
		desc  string
		a     reply
		want  Meta
		after time.Duration
	}{
		{"limited", reply{status: 429, header: h("RateLimit-Policy", "5;w=12", "RateLimit-Limit", "5", "RateLimit-Remaining", "0",
			"RateLimit-Reset", "9", "Retry-After", "9", "Date", date)},
			Meta{ServerDate: time.Date(2026, 11, 21, 2, 1, 56, 0, time.UTC),
				Limit: RateLimit{true, 5, 0, 9 * time.Second, 12 * time.Second}, Direct: true}, 9 * time.Second},
		{"429 without Retry-After", reply{status: 429,
			header: h("RateLimit-Limit", "5", "RateLimit-Remaining", "0", "RateLimit-Reset", "7")},
			Meta{Limit: RateLimit{true, 5, 0, 7 * time.Second, 0}, Direct: true}, 7 * time.Second},
		{"no headers", reply{status: 200, header: h()}, Meta{Direct: true}, 0},
		{"over TLS", reply{status: 200, header: h(), secure: true}, Meta{}, 0},
		{"through nginx", reply{status: 200, header: h("Server", "nginx")}, Meta{}, 0},
		{"through Caddy", reply{status: 200, header: h("Via", "1.1 Caddy")}, Meta{}, 0},
		{"no answer", reply{}, Meta{}, 0},
		{"Retry-After as date, against the server's clock",
			reply{status: 503, at: at(0), header: h("Date", date, "Retry-After", "Sat, 21 Nov 2026 02:02:56 GMT")},
			Meta{ServerDate: time.Date(2026, 11, 21, 2, 1, 56, 0, time.UTC), Direct: true}, time.Minute},
		{"Retry-After as date, without Date",
			reply{status: 503, at: time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC), header: h("Retry-After", date)}, Meta{Direct: true},
			116 * time.Second},
		{"Retry-After in the past", reply{status: 503, header: h("Date", date, "Retry-After", "Sat, 21 Nov 2020 02:02:56 GMT")},
			Meta{ServerDate: time.Date(2026, 11, 21, 2, 1, 56, 0, time.UTC), Direct: true}, 0},
		{"clamped", reply{status: 429, header: h("Retry-After", "99999999999999999999")}, Meta{Direct: true}, MaxRetryAfter},
		{"negative", reply{status: 429, header: h("Retry-After", "-5", "RateLimit-Limit", "-1", "RateLimit-Remaining", "3")},
			Meta{Direct: true}, 0},
		{"more left than there are", reply{status: 200,
			header: h("RateLimit-Limit", "5", "RateLimit-Remaining", "50", "RateLimit-Reset", "99999999")},
			Meta{Limit: RateLimit{true, 5, 5, maxWindow, 0}, Direct: true}, 0},
		{"junk", reply{status: 200, header: h("RateLimit-Limit", "five", "RateLimit-Remaining", "3", "Date", "today", "Retry-After",
			"soon")}, Meta{Direct: true}, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			got := c.a.meta()
			if !got.ServerDate.Equal(c.want.ServerDate) || got.Limit != c.want.Limit || got.Direct != c.want.Direct {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if after := retryAfter(c.a.status, c.a.header, c.a.at); after != c.after {
				t.Errorf("retry after %v, want %v", after, c.after)
			}
		})
	}
}

// lifetime is the time from issue to expiry by the server's own clock, 0 for a
// token that never expires. Lifetimes are configurable and differ by release.
func lifetime(t Token) time.Duration {
	if t.ExpiresAt.IsZero() || t.IssuedAt.IsZero() {
		return 0
	}
	return max(0, t.ExpiresAt.Sub(t.IssuedAt))
}
