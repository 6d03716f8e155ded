package absfake

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestRefreshCookieAndHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		a, b := w.login(), w.login()
		time.Sleep(2 * time.Second)
		r := w.do("POST", "/auth/refresh", nil, "Cookie", "refresh_token="+a.refresh)
		got := tokensIn(t, r)
		if got.refresh != "" || got.access == "" {
			t.Error("who refreshes by cookie gets no refresh token in the body")
		}
		cookie := r.header.Get("Set-Cookie")
		current, _, _ := strings.Cut(strings.TrimPrefix(cookie, "refresh_token="), ";")
		if !strings.HasPrefix(cookie, "refresh_token=ey") || !strings.Contains(cookie, "; Max-Age=2592000; Path=/; Expires=") ||
			!strings.HasSuffix(cookie, "GMT; HttpOnly; SameSite=Lax") {
			t.Errorf("cookie %q", cookie)
		}
		r = w.do("POST", "/auth/refresh", nil, "Cookie", "refresh_token="+current, "x-refresh-token", b.refresh, "X-Forwarded-Proto",
			"http, https")
		if c := r.header.Get("Set-Cookie"); !strings.HasSuffix(c, "; HttpOnly; Secure; SameSite=Lax") {
			t.Errorf("cookie behind https %q", c)
		}
		b = tokensIn(t, r)
		// A refresh takes the header first, a logout the cookie.
		w.do("POST", "/logout", nil, "Cookie", "refresh_token="+current, "x-refresh-token", b.refresh)
		w.refused(current, msgInvalidRefresh)
		w.mustRefresh(b.refresh)
	})
}

func TestLogout(t *testing.T) {
	eachRelease(t, Config{}, func(t *testing.T, w *world, f facts) {
		a := w.login()
		time.Sleep(2 * time.Second)
		b := w.login()
		time.Sleep(2 * time.Second)
		next := w.mustRefresh(a.refresh)
		for _, stale := range []string{a.refresh, "garbage", ""} {
			r := w.do("POST", "/logout", nil, "x-refresh-token", stale)
			if r.status != http.StatusOK || r.body != `{"redirect_url":null}` {
				t.Errorf("logout: %d %s", r.status, r.body)
			}
		}
		time.Sleep(2 * time.Second)
		next = w.mustRefresh(next.refresh) // the stale token ended nothing
		w.do("POST", "/logout?allDevices=1", nil, "x-refresh-token", next.refresh)
		w.refused(next.refresh, msgInvalidRefresh)
		if _, msg := w.refresh(b.refresh); (msg != "") != f.allDevices {
			t.Errorf("the other session after allDevices: %q", msg)
		}
		if s := w.me(next.access); s != 200 {
			t.Errorf("access token after logout: %d", s)
		}
	})
}

func TestLogoutBeatsRefresh(t *testing.T) {
	eachRelease(t, Config{}, func(t *testing.T, w *world, f facts) {
		first := w.login()
		time.Sleep(2 * time.Second)
		var group sync.WaitGroup
		group.Go(func() { w.refused(first.refresh, msgInvalidRefresh) })
		group.Go(func() {
			time.Sleep(storeLatency / 2)
			w.do("POST", "/logout", nil, "x-refresh-token", first.refresh)
		})
		group.Wait()
	})
}

func TestLogoutOfCollidedSessionEndsBoth(t *testing.T) {
	for _, release := range []Release{R2263, R2350} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{Release: release})
			a, b := w.login(), w.login()
			w.do("POST", "/logout", nil, "x-refresh-token", a.refresh)
			w.refused(b.refresh, msgInvalidRefresh)
		})
	}
}
