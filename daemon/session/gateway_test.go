package session

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
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
