package session

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/session/signin"
)

// Cookies that come back on the way, the server's own or a gateway's, are
// never presented: a refresh_token cookie would beat the header at a sign-out, which
// carries our own in both.
func TestNoCookieIsEverPresented(t *testing.T) {
	withGateway(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig, g *gateway) {
		g.be(nil, func(_ *http.Request, resp *http.Response) {
			resp.Header.Add("Set-Cookie", "refresh_token=somebody-elses; Path=/; HttpOnly")
			resp.Header.Add("Set-Cookie", "gateway=1; Path=/")
		})
		time.Sleep(5 * time.Hour)
		r.mustToken()
		if err := r.s.SignOut(r.Context()); err != nil {
			r.Error(err)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		paths := map[string]int{}
		for _, q := range g.passed {
			paths[q.URL.Path]++
			cookie := q.Header.Get("Cookie")
			if cookie != "" && !(signedOut(q) && cookie == "refresh_token="+q.Header.Get("X-Refresh-Token")) {
				r.Errorf("%s carried %q", q.URL.Path, cookie)
			}
		}
		if paths["/auth/refresh"] < 4 || paths["/logout"] != 1 {
			r.Errorf("seen: %v", paths)
		}
	})
}

// signedOut reports whether a request belongs to a sign-out: the sign-out itself, or the
// question whether the server can have heard of it.
func signedOut(q *http.Request) bool {
	return q.URL.Path == "/logout" || q.Header.Get("X-Refresh-Token") == absapi.NoToken
}

// Behind a gateway that removes x-refresh-token a sign-out ends the session at the server
// all the same, by its cookie. Where both are taken out, the user is told that it lives on.
func TestSignOutBehindAGatewayThatEats(t *testing.T) {
	for desc, c := range map[string]struct {
		eat   []string
		ended bool
	}{
		"nothing": {nil, true}, "the header": {[]string{"X-Refresh-Token"}, true}, "the cookie": {[]string{"Cookie"}, true},
		"both": {[]string{"X-Refresh-Token", "Cookie"}, false},
	} {
		eachRelease(t, func(t *testing.T, release absfake.Release) {
			withGateway(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig, g *gateway) {
				r.mustToken()
				token := r.record().Refresh
				g.be(func(q *http.Request) {
					for _, name := range c.eat {
						q.Header.Del(name)
					}
				}, nil)
				err := r.s.SignOut(r.Context())
				if c.ended && err != nil || !c.ended && !(errors.Is(err, signin.ErrNotToldServer) && errors.Is(err, absapi.ErrUnheard)) {
					r.Errorf("%s is eaten: %v", desc, err)
				}
				g.be(nil, nil)
				conn := r.up.Private()
				defer conn.Close()
				_, err = absapi.New(conn, r.up.Base()).Refresh(r.Context(), token)
				if ended := absapi.VerdictOf(err) == absapi.RefreshInvalid; ended != c.ended {
					r.Errorf("%s is eaten: ended at the server %v", desc, ended)
				}
			})
		})
	}
}

// The question whether a sign-out was heard takes nothing of a limit that is short.
func TestSignOutAsksNothingWithoutRoom(t *testing.T) {
	withGateway(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig, g *gateway) {
		r.mustToken()
		for range 20 {
			if wait, err := r.budget.Background().Take(time.Now()); err != nil || wait > 0 {
				break
			}
		}
		before := r.fake.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/auth/refresh" })
		if err := r.s.SignOut(r.Context()); err != nil {
			r.Error(err)
		}
		if n := r.fake.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/auth/refresh" }); n != before {
			r.Errorf("%d questions", n-before)
		}
	})
}
