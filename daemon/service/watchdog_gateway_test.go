package service

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// What a gateway answers in the server's place is no answer of the server's: the level
// says so as long as it lasts, without a flicker, names what to set, and is well again
// within a minute after the gateway was mended.
func TestGatewayInTheServersPlace(t *testing.T) {
	for _, c := range []struct {
		desc, remedy string
		fault        absfake.Fault
	}{
		{"502 for all", "start Audiobookshelf", absfake.Fault{Kind: absfake.Answer}},
		{"504 for all", "proxy_read_timeout", absfake.Fault{Kind: absfake.Answer, Status: 504}},
		{"530 for all", "cloudflared", absfake.Fault{Kind: absfake.Answer, Status: 530}},
		{"a page for all", "sign in", absfake.Fault{Kind: absfake.Portal}},
		{"a redirect for all", "correct the server's address", absfake.Fault{Kind: absfake.Redirect, Location: "https://login.example/"}},
		{"403 for players alone", "--header HEADER", absfake.Fault{Kind: absfake.Answer, Status: 403, Path: "/api/"}},
		{"401 for players alone", "--header HEADER", absfake.Fault{Kind: absfake.Answer, Status: 401, Path: "/api/", Body: "{}",
			ContentType: "application/json"}},
		{"a page for players alone", "sign in", absfake.Fault{Kind: absfake.Portal, Path: "/api/"}},
		{"a redirect for players alone", "Authelia", absfake.Fault{Kind: absfake.Redirect, Path: "/api/",
			Location: "https://login.example/?rd=x&rm=GET"}},
		{"429 for players alone", "limit_req", absfake.Fault{Kind: absfake.Answer, Status: 429, Path: "/api/"}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatchdogRig(t)
				ask := func(path string) {
					r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://abs.test"+path, nil)
					if err != nil {
						t.Fatal(err)
					}
					if resp, err := w.RoundTrip(r); err == nil {
						_, _ = io.Copy(io.Discard, resp.Body)
						_ = resp.Body.Close()
					}
				}
				play := func() {
					for _, path := range []string{"/api/me", "/ping", "/status", "/api/libraries", "/"} {
						ask(path)
					}
				}
				play()
				restore := w.fake.Inject(c.fault)
				play()
				time.Sleep(health.NoAnswer.Hold + time.Second)
				for range 60 {
					play()
					if v, _, _ := w.board.View(); v.Level != health.Offline || !strings.Contains(v.Remedy, c.remedy) {
						t.Fatalf("%+v", v)
					}
					time.Sleep(2 * time.Second)
				}
				time.Sleep(10 * time.Minute) // nobody plays
				if w.level() != health.Offline {
					t.Errorf("better for want of news: %v", w.level())
				}
				restore()
				time.Sleep(time.Minute)
				if w.level() != health.OK {
					t.Errorf("a minute after it was mended: %v", w.level())
				}
			})
		})
	}
}

// A gateway in trouble answers now this and now that: 502, 504, 401, 302, 403, 530, a page
// of its own with 200, for all or for players alone, and in between it may let the cheap
// questions pass. The level gets bad once and well once, in any order of these.
func TestGatewayInTurmoil(t *testing.T) {
	bad := []absfake.Fault{
		{Kind: absfake.Answer}, {Kind: absfake.Answer, Status: 504}, {Kind: absfake.Answer, Status: 530}, {Kind: absfake.Portal},
		{Kind: absfake.Redirect, Location: "https://login.example/"}, {Kind: absfake.Refuse},
		{Kind: absfake.Answer, Status: 403}, {Kind: absfake.Answer, Status: 401, Body: "{}", ContentType: "application/json"},
		{Kind: absfake.Answer, Status: 502, Path: "/api/"}, {Kind: absfake.Answer, Status: 403, Path: "/api/"},
		{Kind: absfake.Answer, Status: 401, Path: "/api/", Body: "<html>", ContentType: "text/html"}, {Kind: absfake.Portal, Path: "/api/"},
		{Kind: absfake.Redirect, Path: "/api/", Location: "https://login.example/?rd=x&rm=GET"},
	}
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.SliceOfN(rapid.IntRange(0, len(bad)-1), 3, 12).Draw(rt, "faults")
		rests := rapid.SliceOfN(rapid.IntRange(0, 40), len(order), len(order)).Draw(rt, "seconds")
		synctest.Test(t, func(t *testing.T) {
			w := newWatchdogRig(t)
			var shown []health.Level
			look := func() {
				if v := w.level(); len(shown) == 0 || shown[len(shown)-1] != v {
					shown = append(shown, v)
				}
			}
			play := func() {
				for _, path := range []string{"/api/me", "/ping", "/api/libraries"} {
					r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://abs.test"+path, nil)
					if err != nil {
						t.Fatal(err)
					}
					if resp, err := w.RoundTrip(r); err == nil {
						_, _ = io.Copy(io.Discard, resp.Body)
						_ = resp.Body.Close()
					}
					look()
				}
			}
			play()
			// As soon as players are refused something stays in their way until the end.
			always := w.fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: 503, Path: "/api/"})
			for i, n := range order {
				play()
				restore := w.fake.Inject(bad[n])
				for second := range 1 + rests[i] {
					if second < 3 {
						play()
					}
					time.Sleep(time.Second)
					look()
				}
				restore()
			}
			always()
			for range 60 {
				time.Sleep(time.Second)
				look()
			}
			want := []health.Level{health.OK, health.Offline, health.OK}
			if !slices.Equal(shown, want) && !slices.Equal(shown, want[:1]) {
				rt.Errorf("shown: %v", shown)
			}
		})
	})
}

// One request that a gateway does not like, among others that pass, says nothing of the
// server.
func TestOneRequestThatAGatewayRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatchdogRig(t)
		w.fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: 403, Path: "/api/items/"})
		for range 60 {
			for _, path := range []string{"/api/items/1", "/api/me"} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://abs.test"+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if resp, err := w.RoundTrip(r); err == nil {
					_ = resp.Body.Close()
				}
			}
			time.Sleep(3 * time.Second)
			if w.level() != health.OK {
				t.Fatal(w.level())
			}
		}
	})
}
