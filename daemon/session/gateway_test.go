package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/session/signin"
)

// gateway stands between the session and its server. Both hooks are asked for
// each request on a connection of an attempt and may be nil.
type gateway struct {
	mu     sync.Mutex
	before func(*http.Request)
	after  func(*http.Request, *http.Response)
	passed []*http.Request
}

func (g *gateway) be(before func(*http.Request), after func(*http.Request, *http.Response)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.before, g.after = before, after
}

type throughGateway struct {
	Conn
	g *gateway
}

func (c throughGateway) Do(r *http.Request) (*http.Response, error) {
	c.g.mu.Lock()
	before, after := c.g.before, c.g.after
	c.g.passed = append(c.g.passed, r.Clone(context.WithoutCancel(r.Context())))
	c.g.mu.Unlock()
	r = r.Clone(r.Context())
	if before != nil {
		before(r)
	}
	resp, err := c.Conn.Do(r)
	if err == nil && after != nil {
		after(r, resp)
	}
	return resp, err
}

// withGateway is withRig with a gateway on the session's way.
func withGateway(t *testing.T, cfg absfake.Config, test func(*rig, *gateway)) {
	t.Helper()
	withRig(t, cfg, func(r *rig) {
		g := &gateway{}
		r.s.Close()
		connect := r.s.Connect
		r.startWith(func(c *Config) { c.Connect = func() Conn { return throughGateway{connect(), g} } })
		test(r, g)
	})
}

// answers replaces what the server said; the server has done its part.
func answers(path string, status int, header map[string]string, body string) func(*http.Request, *http.Response) {
	return func(r *http.Request, resp *http.Response) {
		if !strings.HasPrefix(r.URL.Path, path) {
			return
		}
		_ = resp.Body.Close()
		resp.StatusCode, resp.Status = status, http.StatusText(status)
		resp.Header = http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
		for k, v := range header {
			resp.Header.Set(k, v)
		}
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader([]byte(body))), int64(len(body))
	}
}

var gatewayAnswers = []struct {
	desc   string
	status int
	header map[string]string
	body   string
}{
	{"its own sign-in page", 200, map[string]string{"Content-Type": "text/html"}, "<html>sign in</html>"},
	{"JSON of something else", 200, map[string]string{"Content-Type": "application/json"}, `{"ok":true}`},
	{"an empty answer", 200, nil, ""},
	{"a redirect to single sign-on", 302, map[string]string{"Location": "https://sso.example/"}, ""},
	{"a captive portal", 511, map[string]string{"Content-Type": "text/html"}, "<html>pay</html>"},
	{"basic authentication", 401, map[string]string{"WWW-Authenticate": `Basic realm="x"`}, "Unauthorized"},
	{"its own 401 with the server's words", 401, map[string]string{"WWW-Authenticate": `Bearer`,
		"Content-Type": "application/json"}, `{"error":"Invalid refresh token"}`},
	{"a 401 page", 401, map[string]string{"Content-Type": "text/html"}, "<html>no</html>"},
	{"a 401 in JSON nobody knows", 401, map[string]string{"Content-Type": "application/json"}, `{"error":"token_expired"}`},
	{"the server's words as text", 401, map[string]string{"Content-Type": "text/plain"}, `{"error":"Invalid refresh token"}`},
	{"403", 403, map[string]string{"Content-Type": "application/json"}, `{"error":"Invalid refresh token"}`},
	{"proxy authentication", 407, nil, ""},
	{"500", 500, nil, "Internal Server Error"},
}

// Whatever a gateway answers in the server's place, it is weather: no secret is
// given up, no password is sent, and the session goes on when it is gone.
func TestGatewayIsWeather(t *testing.T) {
	for _, c := range gatewayAnswers {
		for _, release := range []absfake.Release{absfake.R2263, absfake.R2360} {
			t.Run(c.desc+" "+string(release), func(t *testing.T) {
				withGateway(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig, g *gateway) {
					before := r.record()
					// It stands before the server, which sees no refresh.
					g.be(func(q *http.Request) {
						if q.URL.Path == "/auth/refresh" {
							q.URL.Path, q.Method = "/ping", http.MethodGet
							q.Header.Set("X-Was-Refresh", "1")
						}
					}, func(q *http.Request, resp *http.Response) {
						if q.Header.Get("X-Was-Refresh") != "" {
							answers("/ping", c.status, c.header, c.body)(q, resp)
						}
					})
					time.Sleep(3 * time.Hour)
					for range 60 { // what is wrong may just have changed its name, and a new name shows after a while
						if r.level().Level == health.Offline {
							break
						}
						time.Sleep(10 * time.Second)
					}
					if v := r.level(); v.Level != health.Offline {
						r.Errorf("level %+v\n%s", v, r.log)
					}
					after := r.record()
					if after.Refresh != before.Refresh || !after.Password.IsStored() || after.PasswordRefused {
						r.Errorf("something was given up: generation %d", after.Generation)
					}
					g.be(nil, nil)
					time.Sleep(15 * time.Minute)
					r.mustToken()
					if n := r.fake.Ledger().PasswordLogins("demo"); n != 1 {
						r.Errorf("%d password logins\n%s", n, r.log)
					}
				})
			})
		}
	}
}

// The same while the server has rotated: with a grace window the pair is
// fetched once the gateway is gone; without, the password brings a session.
func TestGatewayReplacesTheAnswerOfARotation(t *testing.T) {
	for _, c := range gatewayAnswers {
		eachRelease(t, func(t *testing.T, release absfake.Release) {
			withGateway(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig, g *gateway) {
				g.be(nil, answers("/auth/refresh", c.status, c.header, c.body))
				time.Sleep(dueAfter + 20*time.Second)
				if n := len(r.fake.Ledger().Rotations("demo")); n == 0 {
					r.Fatalf("%s: the server was not asked", c.desc)
				}
				g.be(nil, nil)
				time.Sleep(10 * time.Minute)
				r.mustToken()
				want := 0
				if absapi.Grace(string(release)) == 0 {
					want = 1
				}
				if n := r.fake.Ledger().PasswordLogins("demo") - 1; n != want {
					r.Errorf("%s: %d password logins, want %d\n%s", c.desc, n, want, r.log)
				}
			})
		})
	}
}

// A gateway's 401 in the place of the sign-in's answer refuses no password.
func TestGatewayRefusesNoPassword(t *testing.T) {
	for _, c := range gatewayAnswers {
		if c.status == http.StatusOK {
			continue
		}
		withGateway(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig, g *gateway) {
			if err := r.fake.EndSessions("demo"); err != nil {
				r.Fatal(err)
			}
			g.be(func(q *http.Request) {
				if q.URL.Path == "/login" {
					q.Header.Set("X-Was-Login", "1")
					q.URL.Path, q.Method, q.Body = "/ping", http.MethodGet, nil
				}
			}, func(q *http.Request, resp *http.Response) {
				if q.Header.Get("X-Was-Login") != "" {
					answers("/ping", c.status, c.header, c.body)(q, resp)
				}
			})
			time.Sleep(2 * time.Hour)
			if r.record().PasswordRefused || !r.record().Password.IsStored() {
				r.Errorf("%s: the password is given up", c.desc)
			}
			g.be(nil, nil)
			time.Sleep(15 * time.Minute)
			r.mustToken()
			if n := len(r.fake.Ledger().Logins("demo")); n != 2 {
				r.Errorf("%s: the server saw %d sign-ins\n%s", c.desc, n, r.log)
			}
		})
	}
}

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
