package absfake

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimiterWindow(t *testing.T) {
	eachRelease(t, Config{LimiterMax: 3, LimiterWindow: 10 * time.Second}, func(t *testing.T, w *world, f facts) {
		try := func(wantStatus int, wantRemaining, wantReset string) {
			t.Helper()
			r := w.do("POST", "/login", m{"username": "demo", "password": "no"})
			h := r.header
			if r.status != wantStatus || h.Get("RateLimit-Remaining") != wantRemaining || h.Get("RateLimit-Reset") != wantReset {
				t.Errorf("%d, remaining %s, reset %s; want %d, %s, %s", r.status, h.Get("RateLimit-Remaining"), h.Get("RateLimit-Reset"),
					wantStatus, wantRemaining, wantReset)
			}
			if h.Get("RateLimit-Policy") != "3;w=10" || h.Get("RateLimit-Limit") != "3" {
				t.Errorf("policy %q, limit %q", h.Get("RateLimit-Policy"), h.Get("RateLimit-Limit"))
			}
			retry := ""
			if wantStatus == 429 {
				retry = wantReset
			}
			if h.Get("Retry-After") != retry {
				t.Errorf("Retry-After %q, want %q", h.Get("Retry-After"), retry)
			}
		}
		try(401, "2", "10")
		time.Sleep(4500 * time.Millisecond)
		try(401, "1", "6")
		try(401, "0", "6")
		try(429, "0", "6")
		time.Sleep(5 * time.Second)
		try(429, "0", "1") // refused tries do not lengthen the window
		time.Sleep(500 * time.Millisecond)
		try(401, "2", "10")
	})
}

func TestLimiterIsSharedByAuthRoutesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{LimiterMax: 5})
		got := w.login()
		w.mustRefresh(got.refresh)
		w.do("PATCH", "/api/me/password", m{"password": "x", "newPassword": "y"}, "Authorization", "Bearer "+got.access)
		w.do("PATCH", "/api/me/password", m{"password": "x", "newPassword": "y"}) // without a token it does not count
		w.do("GET", "/auth/openid", nil)
		if r := w.do("GET", "/auth/openid/callback", nil); r.header.Get("RateLimit-Remaining") != "0" {
			t.Errorf("remaining %q", r.header.Get("RateLimit-Remaining"))
		}
		for range 50 {
			w.do("GET", "/api/me", nil)
			w.do("POST", "/logout", nil)
			w.do("POST", "/api/authorize", nil, "Authorization", "Bearer "+got.access)
		}
		if r := w.do("POST", "/auth/refresh", nil); r.status != 429 || r.body != `{"error":"Too many authentication requests"}` {
			t.Errorf("%d %s", r.status, r.body)
		}
		if n := w.s.Ledger().MaxAuthIn(time.Minute); n != 6 {
			t.Errorf("the ledger counts %d auth requests", n)
		}
		w.s.Restart()
		synctest.Wait() // until the client has noticed; it does not repeat a POST by itself
		if r := w.do("POST", "/auth/refresh", nil); r.status != 401 {
			t.Errorf("after a restart: %d", r.status)
		}
	})
}

func TestLimiterOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{LimiterMax: -1})
		for range 100 {
			if r := w.do("POST", "/auth/refresh", nil); r.status != 401 || r.header.Get("RateLimit-Limit") != "" {
				t.Fatalf("%d %q", r.status, r.header.Get("RateLimit-Limit"))
			}
		}
	})
}

func TestClientAddress(t *testing.T) {
	for _, c := range []struct {
		desc, want string
		headers    []string
	}{
		{"peer", "192.0.2.1", nil},
		{"left-most of a list", "203.0.113.10", []string{"X-Forwarded-For", "203.0.113.10, 10.0.0.1"}},
		{"first that is an address", "10.0.0.1", []string{"X-Forwarded-For", "unknown, 10.0.0.1"}},
		{"with a port", "203.0.113.10", []string{"X-Forwarded-For", "203.0.113.10:5000"}},
		{"IPv6", "2001:db8::1", []string{"X-Forwarded-For", "2001:db8::1"}},
		{"garbage falls back", "192.0.2.1", []string{"X-Forwarded-For", "garbage"}},
		{"X-Real-IP", "203.0.113.11", []string{"X-Real-IP", "203.0.113.11"}},
		{"X-Client-IP beats the list", "203.0.113.12", []string{"X-Forwarded-For", "203.0.113.10", "X-Client-IP", "203.0.113.12"}},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for i := 0; i < len(c.headers); i += 2 {
			r.Header.Set(c.headers[i], c.headers[i+1])
		}
		if got := clientAddress(r); got != c.want {
			t.Errorf("%s: %s, want %s", c.desc, got, c.want)
		}
	}
}

func TestLimiterForgetsOldAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{LimiterMax: 5, LimiterWindow: time.Second})
		for i := range 3 * maxBuckets {
			if i%maxBuckets == 0 {
				time.Sleep(2 * time.Second)
			}
			w.do("POST", "/auth/refresh", nil, "X-Forwarded-For", fmt.Sprintf("10.0.%d.%d", i/250, i%250))
		}
		w.s.mu.Lock()
		defer w.s.mu.Unlock()
		if n := len(w.s.limiter); n > maxBuckets+1 {
			t.Errorf("%d buckets", n)
		}
	})
}
