package session

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// A gateway that strips x-return-tokens alone costs nothing: the server answers with a
// cookie instead.
func TestReturnTokensStripped(t *testing.T) {
	withGateway(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig, g *gateway) {
		r.must(r.fake.EndSessions("demo"))
		g.be(func(q *http.Request) { q.Header.Del("X-Return-Tokens") }, nil)
		time.Sleep(2 * time.Hour)
		r.mustToken()
		if n := len(r.fake.Ledger().Logins("demo")); n != 2 || r.level().Level != health.OK {
			t.Errorf("%d sign-ins, %+v\n%s", n, r.level(), r.log)
		}
	})
}

// Sign-ins whose answers say nothing are repeated rarely, and leave the user his own:
// 24 hours of each.
func TestUnusableSignInsBecomeRare(t *testing.T) {
	for _, c := range []struct {
		desc   string
		before func(*http.Request)
		after  func(*http.Request, *http.Response)
		shows  string // in the reason
		remedy string
	}{
		{"a gateway's 401 page", nil, answers("/login", 401, map[string]string{"Content-Type": "text/html", "Server": "nginx"},
			"<title>Sign in</title>"), "401", "/login"},
		{"a gateway's 503", nil, answers("/login", 503, map[string]string{"Server": "nginx"}, ""), "503", "/login"},
		{"a page with 200", nil, answers("/login", 200, map[string]string{"Content-Type": "text/html"}, "<html>"), "200", "/login"},
		{"x-return-tokens and cookies are stripped", func(q *http.Request) { q.Header.Del("X-Return-Tokens") },
			func(_ *http.Request, resp *http.Response) { resp.Header.Del("Set-Cookie") }, "refresh token", "x-return-tokens"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			withGateway(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig, g *gateway) {
				r.must(r.fake.EndSessions("demo"))
				g.be(c.before, c.after)
				starved := 0
				for range 24 * 4 {
					time.Sleep(15 * time.Minute)
					if !r.budget.Room(time.Now(), 1) {
						starved++
					}
					_, _ = r.s.Token(r.Context())
				}
				logins := len(r.fake.Ledger().Logins("demo")) - 1
				if logins > 16 || logins < 4 {
					t.Errorf("%d sign-ins in 24 hours\n%s", logins, r.log)
				}
				if starved > 0 {
					t.Errorf("the user's own sign-in would have been starved %d times", starved)
				}
				v := r.level()
				if v.Condition != health.SignInUnusable.ID || !strings.Contains(v.Reason, c.shows) || !strings.Contains(v.Remedy, c.remedy) {
					t.Errorf("level %+v", v)
				}
				g.be(nil, nil)
				r.must(r.s.Reauthenticate(r.Context(), false))
				r.mustToken()
				if v := r.level(); v.Level != health.OK {
					t.Errorf("at last: %+v", v)
				}
			})
		})
	}
}
