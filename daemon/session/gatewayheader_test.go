package session

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// A gateway that removes x-refresh-token alone costs nobody anything: the token goes in
// the server's own cookie as well, and comes back in one. When the gateway is mended the
// cookie is left out again.
func TestGatewayEatsTheHeaderAlone(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withGateway(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig, g *gateway) {
			g.be(func(q *http.Request) { q.Header.Del("X-Refresh-Token") }, nil)
			for range 12 {
				time.Sleep(30 * time.Minute)
				r.mustToken()
				if v := r.level(); v.Level != health.OK {
					r.Fatalf("level %+v\n%s", v, r.log)
				}
			}
			if n := len(r.fake.Ledger().Rotations("demo")); n < 6 {
				r.Errorf("%d renewals in six hours", n)
			}
			if n := len(r.fake.Ledger().Logins("demo")); n != 1 {
				r.Errorf("%d sign-ins", n)
			}
			if !strings.Contains(r.log.String(), "removes x-refresh-token") {
				r.Error("nothing is logged")
			}
			g.be(nil, nil)
			time.Sleep(3 * time.Hour)
			r.mustToken()
			g.mu.Lock()
			defer g.mu.Unlock()
			for _, q := range g.passed[len(g.passed)-2:] {
				if q.Header.Get("Cookie") != "" {
					r.Error("the cookie is still sent")
				}
			}
		})
	})
}

// The gateway takes the server's cookies out of answers, too. The session comes back by
// its password, and is not called lost for good.
func TestGatewayEatsTheHeaderAndCookiesOfAnswers(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withGateway(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig, g *gateway) {
			g.be(func(q *http.Request) { q.Header.Del("X-Refresh-Token") },
				func(_ *http.Request, resp *http.Response) { resp.Header.Del("Set-Cookie") })
			time.Sleep(90 * time.Minute)
			g.be(nil, nil)
			time.Sleep(15 * time.Minute)
			r.mustToken()
			if v := r.level(); v.Level != health.OK || !r.record().Password.IsStored() || r.record().PasswordRefused {
				r.Errorf("level %+v\n%s", v, r.log)
			}
		})
	})
}

// A gateway that removes x-refresh-token and the cookie is a matter of configuration:
// nothing is lost, no password is sent, and it ends by itself when it is mended.
func TestGatewayEatsTheHeader(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withGateway(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig, g *gateway) {
			before := r.record()
			g.be(func(q *http.Request) { q.Header.Del("X-Refresh-Token"); q.Header.Del("Cookie") }, nil)
			time.Sleep(2 * time.Hour)
			for range 4 * 60 * 6 { // one level, no flapping
				time.Sleep(10 * time.Second)
				if v := r.level(); v.Condition != health.HeaderEaten.ID {
					r.Fatalf("level %+v\n%s", v, r.log)
				}
			}
			if v := r.level(); v.Condition != health.HeaderEaten.ID {
				r.Errorf("level %+v", v)
			}
			var u *Unavailable
			if _, err := r.s.Token(r.Context()); !errors.As(err, &u) || u.Remedy() == "" {
				r.Errorf("got %v", err)
			}
			if after := r.record(); after.Refresh != before.Refresh || !after.Password.IsStored() || after.PasswordRefused {
				r.Errorf("something was given up: generation %d", after.Generation)
			}
			g.be(nil, nil)
			time.Sleep(80 * time.Second)
			if v := r.level(); v.Level != health.OK {
				r.Errorf("soon after the gateway was mended: %+v", v)
			}
			r.mustToken()
			if n := r.fake.Ledger().PasswordLogins("demo"); n != 1 {
				r.Errorf("%d password logins", n)
			}
		})
	})
}

// Whoever mends a gateway that takes out header and cookie waits at most a minute: while
// the trouble is fresh, and always where the server has no limit or a large one.
func TestMendedGatewayIsSeenWithinAMinute(t *testing.T) {
	for desc, c := range map[string]struct {
		limit  int // of the server; 0 for the usual one, -1 for none
		after  time.Duration
		within time.Duration
	}{
		"just now":               {0, 3 * time.Minute, time.Minute},
		"for hours":              {0, 3 * time.Hour, 2 * time.Minute},
		"for hours, no limit":    {-1, 3 * time.Hour, time.Minute},
		"for hours, large limit": {200, 3 * time.Hour, time.Minute},
	} {
		withGateway(t, absfake.Config{AccessTTL: time.Hour, LimiterMax: c.limit}, func(r *rig, g *gateway) {
			g.be(func(q *http.Request) { q.Header.Del("X-Refresh-Token"); q.Header.Del("Cookie") }, nil)
			for r.level().Condition != health.HeaderEaten.ID {
				time.Sleep(time.Second)
			}
			time.Sleep(c.after)
			g.be(nil, nil)
			time.Sleep(c.within + 2*time.Second)
			if v := r.level(); v.Level != health.OK {
				r.Errorf("%s: %+v", desc, v)
			}
		})
	}
}

// The same with tokens of a minute, which are renewed on use: each renewal costs one
// request, so that the server's limit lasts.
func TestGatewayEatsTheHeaderOfShortTokens(t *testing.T) {
	withGateway(t, absfake.Config{AccessTTL: time.Minute}, func(r *rig, g *gateway) {
		g.be(func(q *http.Request) { q.Header.Del("X-Refresh-Token") }, nil)
		for range 30 {
			time.Sleep(100 * time.Second)
			r.mustToken()
		}
		refused := r.fake.Ledger().Count(func(e absfake.Entry) bool {
			return e.Path == "/auth/refresh" &&
				e.Status == http.StatusUnauthorized
		})
		if n := len(r.fake.Ledger().Logins("demo")); n != 1 || refused != 1 {
			r.Errorf("%d sign-ins, %d renewals in vain\n%s", n, refused, r.log)
		}
	})
}
