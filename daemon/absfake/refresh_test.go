package absfake

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// eachRelease runs f for every release that has access and refresh tokens.
func eachRelease(t *testing.T, cfg Config, f func(t *testing.T, w *world, facts facts)) {
	for _, fact := range table {
		if !fact.jwtSessions {
			continue
		}
		t.Run(string(fact.release), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg.Release = fact.release
				f(t, newWorld(t, cfg), fact)
			})
		})
	}
}

func TestTokens(t *testing.T) {
	want := map[Release]struct {
		access, refresh time.Duration
		jti             bool
	}{
		"2.26.3": {12 * time.Hour, 7 * 24 * time.Hour, false},
		"2.33.2": {time.Hour, 30 * 24 * time.Hour, false},
		"2.35.0": {time.Hour, 30 * 24 * time.Hour, false},
		"2.35.1": {time.Hour, 30 * 24 * time.Hour, true},
		"2.36.0": {time.Hour, 30 * 24 * time.Hour, true},
	}
	eachRelease(t, Config{}, func(t *testing.T, w *world, f facts) {
		expect := want[f.release]
		got := w.login()
		for token, ttl := range map[string]time.Duration{got.access: expect.access, got.refresh: expect.refresh} {
			c, err := parseToken(w.s.currentSecret(), token)
			if err != nil {
				t.Fatal(err)
			}
			if life := time.Duration(c.ExpiresAt-c.IssuedAt) * time.Second; life != ttl {
				t.Errorf("%s lives %v, want %v", c.Type, life, ttl)
			}
			if (c.ID != "") != expect.jti {
				t.Errorf("%s has jti %q", c.Type, c.ID)
			}
		}
		time.Sleep(expect.access - time.Millisecond)
		if s := w.me(got.access); s != 200 {
			t.Errorf("access token just before its end: %d", s)
		}
		time.Sleep(time.Millisecond)
		if s := w.me(got.access); s != 401 {
			t.Errorf("access token at its end: %d", s)
		}
		refreshed := w.mustRefresh(got.refresh)
		time.Sleep(expect.refresh)
		w.refused(refreshed.refresh, msgRefreshExpired)
		w.refused(refreshed.refresh, msgRefreshExpired) // says so again
	})
}

func TestGraceWindow(t *testing.T) {
	want := map[Release]time.Duration{"2.35.0": time.Minute, "2.35.1": time.Minute, "2.36.0": 10 * time.Minute}
	eachRelease(t, Config{}, func(t *testing.T, w *world, f facts) {
		first := w.login()
		time.Sleep(2 * time.Second)
		second := w.mustRefresh(first.refresh)
		grace := want[f.release]
		if grace == 0 {
			w.refused(first.refresh, msgInvalidRefresh)
			w.mustRefresh(second.refresh)
			return
		}
		time.Sleep(grace - time.Second)
		replayed := w.mustRefresh(first.refresh)
		if replayed.refresh != second.refresh {
			t.Error("a replay within grace must give the current refresh token")
		}
		if replayed.access == second.access {
			t.Error("a replay within grace must give a new access token")
		}
		time.Sleep(time.Second)
		w.refused(first.refresh, msgInvalidRefresh) // the replay did not lengthen the window
		third := w.mustRefresh(second.refresh)
		w.mustRefresh(second.refresh)
		w.mustRefresh(third.refresh)
		w.refused(second.refresh, msgInvalidRefresh) // two generations old
	})
}

func TestGraceIsConfigurableOnNewestOnly(t *testing.T) {
	for release, works := range map[Release]bool{R2350: true, R2360: false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{Release: release, Grace: 8 * time.Second})
			first := w.login()
			time.Sleep(time.Second)
			w.mustRefresh(first.refresh)
			time.Sleep(7 * time.Second)
			w.mustRefresh(first.refresh)
			time.Sleep(2 * time.Second)
			if _, msg := w.refresh(first.refresh); (msg == "") != works {
				t.Errorf("%s: after 9 s with 8 s of grace: %q", release, msg)
			}
		})
	}
}

func TestExpiredTokenWithinGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{RefreshTTL: 9 * time.Second})
		first := w.login()
		time.Sleep(5 * time.Second)
		second := w.mustRefresh(first.refresh)
		time.Sleep(4 * time.Second)
		w.refused(first.refresh, msgRefreshExpired)
		w.mustRefresh(second.refresh) // its life began with its own rotation
	})
}

func TestCollisionsWithinOneSecond(t *testing.T) {
	eachRelease(t, Config{}, func(t *testing.T, w *world, f facts) {
		a, b := w.login(), w.login()
		if same := a == b; same == f.jti {
			t.Fatalf("two logins in one second: same tokens is %v", same)
		}
		if f.jti {
			w.do("POST", "/logout", nil, "x-refresh-token", a.refresh)
			w.mustRefresh(b.refresh)
			return
		}
		if again := w.mustRefresh(a.refresh); again != a {
			t.Error("a refresh within the second of issue must give the same strings")
		}
		time.Sleep(1500 * time.Millisecond)
		// Both sessions hold a.refresh. The first refresh rotates the older row.
		first := w.mustRefresh(a.refresh)
		time.Sleep(1500 * time.Millisecond)
		second := w.mustRefresh(b.refresh)
		if merged := first.refresh == second.refresh; merged != (f.grace > 0) {
			t.Errorf("the second session got the first one's token: %v", merged)
		}
	})
}

func TestParallelRefreshes(t *testing.T) {
	eachRelease(t, Config{}, func(t *testing.T, w *world, f facts) {
		parallel := func(token string, n int) (got []tokens) {
			var mu sync.Mutex
			var group sync.WaitGroup
			for range n {
				group.Go(func() {
					r, msg := w.refresh(token)
					if msg != "" {
						t.Errorf("parallel refresh: %s", msg)
					}
					mu.Lock()
					defer mu.Unlock()
					got = append(got, r)
				})
			}
			group.Wait()
			return got
		}
		first := w.login()
		time.Sleep(1200 * time.Millisecond)
		got := parallel(first.refresh, 10)
		for _, g := range got[1:] {
			if g.refresh != got[0].refresh {
				t.Error("refresh tokens differ")
			}
			if (g.access == got[0].access) == f.jti {
				t.Errorf("access tokens equal: %v", g.access == got[0].access)
			}
		}
		time.Sleep(2 * time.Second)
		w.mustRefresh(got[0].refresh)
	})
}

// On releases without a grace window two refreshes on either side of a second
// boundary overwrite each other: one of the two tokens is dead.
func TestParallelRefreshesStraddleASecond(t *testing.T) {
	for _, c := range []struct {
		release Release
		dead    int
	}{{R2263, 1}, {R2332, 1}, {R2350, 0}, {R2351, 0}, {R2360, 0}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{Release: c.release})
			first := w.login()
			now := time.Now()
			time.Sleep(now.Truncate(time.Second).Add(5*time.Second - time.Millisecond).Sub(now))
			var a, b tokens
			var group sync.WaitGroup
			group.Go(func() { a = w.mustRefresh(first.refresh) })
			group.Go(func() {
				time.Sleep(storeLatency / 2)
				b = w.mustRefresh(first.refresh)
			})
			group.Wait()
			time.Sleep(5 * time.Second)
			dead := 0
			for _, token := range []string{a.refresh, b.refresh} {
				if _, msg := w.refresh(token); msg != "" {
					dead++
				}
			}
			if dead != c.dead {
				t.Errorf("%s: %d of 2 tokens are dead, want %d", c.release, dead, c.dead)
			}
		})
	}
}

func TestRefreshRefusals(t *testing.T) {
	eachRelease(t, Config{Users: []User{{Name: "demo", Password: "demo", Type: "root"}, {Name: "bob", Password: "b"}}},
		func(t *testing.T, w *world, f facts) {
			got := w.login()
			legacy, _ := w.do("GET", "/api/me", nil, "Authorization", "Bearer "+got.access).json(t)["token"].(string)
			w.refused("garbage", msgInvalidRefresh)
			w.refused(got.refresh[:len(got.refresh)-4]+"AAAA", msgInvalidRefresh)
			w.refused(got.access, msgInvalidType)
			w.refused(legacy, msgInvalidType)
			for desc, headers := range map[string][]string{
				"none": nil, "empty": {"x-refresh-token", ""}, "bearer": {"Authorization", "Bearer " + got.refresh},
			} {
				r := w.do("POST", "/auth/refresh", nil, headers...)
				if r.status != 401 || r.body != `{"error":"No refresh token provided"}` || r.header.Get("Content-Type") != typeJSON {
					t.Errorf("%s: %d %s", desc, r.status, r.body)
				}
			}
			if r := w.do("POST", "/auth/refresh", m{"refreshToken": got.refresh}); r.status != 401 {
				t.Errorf("token in the body: %d", r.status)
			}
			if r := w.do("GET", "/auth/refresh", nil, "x-refresh-token", got.refresh); r.status != 404 {
				t.Errorf("GET: %d", r.status)
			}
			if r := w.do("POST", "/auth/refresh", "{bad", "x-refresh-token", got.refresh,
				"Content-Type", "application/json"); r.status != 400 {
				t.Errorf("malformed body: %d", r.status)
			}
			w.mustRefresh(got.refresh) // none of that used it up

			bob := w.loginAs("bob", "b")
			must(t, w.s.SetDisabled("bob", true))
			w.refused(bob.refresh, msgUserInactive)
			must(t, w.s.SetDisabled("bob", false))
			time.Sleep(2 * time.Second)
			bob = w.mustRefresh(bob.refresh)
			must(t, w.s.Rename("bob", "robert"))
			w.refused(bob.refresh, msgInvalidRefresh)
			if s := w.me(bob.access); s != 200 {
				t.Errorf("access token after a rename: %d", s)
			}
			robert := w.loginAs("ROBERT", "b")
			must(t, w.s.DeleteUser("robert"))
			w.refused(robert.refresh, msgInvalidRefresh)
			if s := w.me(robert.access); s != 401 {
				t.Errorf("access token of a deleted user: %d", s)
			}
			last := w.login()
			w.s.ChangeSecret()
			w.refused(last.refresh, msgInvalidRefresh)
		})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
