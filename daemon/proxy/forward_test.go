package proxy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

func TestWhatGoesUpstream(t *testing.T) {
	var body string
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
	})
	in := map[string]string{
		"Authorization": "Bearer " + proxytest.Grant, "Cookie": "refresh_token=x", "Origin": "http://" + w.Addr,
		"Referer":         "http://" + w.Addr + "/",
		"X-Refresh-Token": "x", "X-Return-Tokens": "true", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "Forwarded": "for=1",
		"X-Real-Ip": "1.2.3.4", "X-Original-Url": "/api/users", "Remote-User": "root", "Connection": "If-Match, X-Hop", "X-Hop": "x",
		"Te": "trailers", "Keep-Alive": "x", "Proxy-Authorization": "x", "Accept-Encoding": "gzip, br", "Sec-Fetch-Site": "same-origin",
		"Range": "bytes=0-1", "If-Range": `W/"x"`, "If-None-Match": `W/"y"`, "If-Modified-Since": "z", "Accept": "a/b", "Accept-Language": "de",
		"User-Agent": "mpv 1", "Content-Type": "application/json", "If-Match": "nominated",
	}
	var header []string
	for k, v := range in {
		header = append(header, k, v)
	}
	a := w.Send("PATCH", "/audiobookshelf/api/me/progress/i1?token="+proxytest.Grant+"&a=%2F&b", strings.NewReader(`{"progress":1}`),
		header...)
	if a.StatusCode != 200 {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	got := w.Requests()[0]
	want := http.Header{
		"Authorization": {"Bearer " + proxytest.Access1}, "Range": {"bytes=0-1"}, "If-Range": {`W/"x"`}, "If-None-Match": {`W/"y"`},
		"If-Modified-Since": {"z"}, "Accept": {"a/b"}, "Accept-Language": {"de"}, "User-Agent": {"mpv 1"},
		"Content-Type": {"application/json"}, "Content-Length": {"14"}, "Accept-Encoding": {"identity"},
	}
	if fmt.Sprint(got.Header) != fmt.Sprint(want) {
		t.Errorf("header\n got %v\nwant %v", got.Header, want)
	}
	if got.RequestURI != "/api/me/progress/i1?a=%2F&b" || body != `{"progress":1}` || "http://"+got.Host != w.Config.Base.String() {
		t.Errorf("%s %s %q", got.Host, got.RequestURI, body)
	}
}

func TestPathsAndBasePaths(t *testing.T) {
	for _, c := range []struct{ base, in, out string }{
		{"", "/api/me", "/api/me"},
		{"", "/API/Me/", "/API/Me/"},
		{"", "/audiobookshelf/api/me", "/api/me"},
		{"", "/AudioBookshelf/api/me", "/api/me"},
		{"", "/audiobookshelf", "/"},
		{"", "/audiobookshelf/", "/"},
		{"/audiobookshelf", "/api/me", "/audiobookshelf/api/me"},
		{"/audiobookshelf/", "/audiobookshelf/api/me", "/audiobookshelf/api/me"},
		{"/abs", "/abs/api/me", "/abs/api/me"},
		{"/abs", "/audiobookshelf/api/me", "/abs/api/me"},
		{"/a%20b", "/api/me", "/a%20b/api/me"},
		{"", "//api/me", "/api/me"},
		{"", "/api//libraries", "/api/libraries"},
		{"/abs", "//audiobookshelf//api///me/", "/abs/api/me/"},
		{"/audiobookshelf", "/audiobookshelf//api/me", "/audiobookshelf/api/me"},
		{"", "//api//items/1//file/2?token=&x=//", "/api/items/1/file/2?x=//"},
		{"", "//public//session/1/track/1", "/public/session/1/track/1"},
		{"", "/api/items/a%20b%C3%A9", "/api/items/a%20b%C3%A9"},
		{"", "/feed/my-podcast", "/feed/my-podcast"},
		{"", "/_nuxt/a/b.js?v=1", "/_nuxt/a/b.js?v=1"},
		{"", "/api/libraries/1/items?filter=a%2Fb&limit=10", "/api/libraries/1/items?filter=a%2Fb&limit=10"},
		{"", "/api/me?token=&x=1", "/api/me?x=1"},
		{"", "/api/me?tokens=1&a=token", "/api/me?tokens=1&a=token"},
	} {
		t.Run(c.base+c.in, func(t *testing.T) {
			w := proxytest.NewWorld(t, proxytest.Text("text/plain", "ok"), func(cfg *proxy.Config) {
				u, err := url.Parse(cfg.Base.String() + c.base)
				if err != nil {
					t.Fatal(err)
				}
				cfg.Base = u
			})
			if a := w.Do("GET", c.in); a.StatusCode != 200 {
				t.Fatalf("%s %s", a.Status, a.Text)
			}
			if got := w.Requests()[0].RequestURI; got != c.out {
				t.Errorf("went to %s, want %s", got, c.out)
			}
		})
	}
}

// The server refuses the first token; the second is good.
func needsSecond(rw http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	if r.Header.Get("Authorization") != "Bearer "+proxytest.Access2 {
		proxytest.Refuses(rw)
		return
	}
	_, _ = rw.Write(b)
}

func TestReplayOnceAfter401(t *testing.T) {
	for _, c := range []struct {
		desc, method, path string
		body               io.Reader
		status             int
		requests           int
	}{
		{"GET", "GET", "/api/me", nil, 200, 2},
		{"HEAD", "HEAD", "/api/items/1/file/2", nil, 200, 2},
		{"small body", "POST", "/api/session/1/sync", strings.NewReader("abc"), 200, 2},
		{"largest body kept", "POST", "/api/session/1/sync", bytes.NewReader(make([]byte, proxy.MaxReplay)), 200, 2},
		{"too large", "POST", "/api/session/local-all", bytes.NewReader(make([]byte, proxy.MaxReplay+1)), 503, 1},
		{"of unknown length", "POST", "/api/session/1/sync", io.MultiReader(strings.NewReader("abc")), 503, 1},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := proxytest.NewWorld(t, needsSecond)
			w.Tokens.List = []string{proxytest.Access1, proxytest.Access2}
			a := w.Send(c.method, c.path, c.body)
			if a.StatusCode != c.status || len(w.Requests()) != c.requests || w.Tokens.Suspected() != 1 {
				t.Errorf("%s %q after %d requests, %d suspicions", a.Status, a.Text, len(w.Requests()), w.Tokens.Suspected())
			}
			if c.desc == "small body" && a.Text != "abc" {
				t.Errorf("the body came as %q", a.Text)
			}
			if c.status == 503 && a.Header.Get("Retry-After") != "1" {
				t.Errorf("header %v", a.Header)
			}
		})
	}
}

func Test401NeverReachesThePlayer(t *testing.T) {
	for _, c := range []struct {
		desc     string
		path     string
		upstream http.HandlerFunc
		reason   string
		suspects int
	}{
		{"both tokens refused", "/api/me", func(rw http.ResponseWriter, r *http.Request) { proxytest.Refuses(rw) }, "token-rejected", 1},
		{"where no token is asked for", "/public/session/1/track/1", func(rw http.ResponseWriter,
			r *http.Request) {
			proxytest.Refuses(rw)
		}, "token-rejected", 0},
		{"gateway's challenge", "/api/me", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("WWW-Authenticate", "Basic")
			proxytest.Refuses(rw)
		}, "gateway-401", 0},
		{"gateway's page", "/api/me", func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(401)
			_, _ = io.WriteString(rw, "<html>Unauthorized")
		}, "gateway-401", 0},
		{"longer text", "/api/me", func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(401)
			_, _ = io.WriteString(rw, "Unauthorized.")
		}, "gateway-401", 0},
		{"gateway's 407", "/api/me", func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(407) }, "gateway-401", 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := proxytest.NewWorld(t, c.upstream)
			w.Tokens.List = []string{proxytest.Access1, proxytest.Access2}
			a := w.Do("GET", c.path)
			if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || a.Header.Get("WWW-Authenticate") != "" {
				t.Errorf("%s %v", a.Status, a.Header)
			}
			if w.Server.Stats().Refused[c.reason] != 1 || w.Tokens.Suspected() != c.suspects {
				t.Errorf("%v, %d suspicions: %s", w.Server.Stats().Refused, w.Tokens.Suspected(), a.Text)
			}
		})
	}
}

type needsUser struct{}

func (needsUser) Error() string { return "the password was refused" }

func (needsUser) RetryAfter() time.Duration { return 90 * time.Second }
func (needsUser) Passes() bool              { return false }

func (needsUser) Remedy() string { return "run `shelfkeeper reauth`" }

func TestTemporaryFailures(t *testing.T) {
	for _, c := range []struct {
		desc     string
		upstream http.HandlerFunc
		tokenErr error
		retry    string
		says     string
	}{
		{"connection cut before the answer", func(rw http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, nil, "5",
			"cannot be reached"},
		{"502 of a gateway", func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(502) }, nil, "5", "502"},
		{"504 of a gateway", func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(504) }, nil, "5", "504"},
		{"redirect to a portal", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://portal.example/", http.StatusFound)
		}, nil, "30", "redirect"},
		{"cut within a small answer", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(rw, `{"a":`)
			_ = http.NewResponseController(rw).Flush()
			panic(http.ErrAbortHandler)
		}, nil, "5", "broke off"},
		{"no token: a temporary failure", proxytest.Text("text/plain", "x"), errors.New("dial: no route"), "5", "no route"},
		{"no token: the user must act", proxytest.Text("text/plain", "x"), fmt.Errorf("token: %w", needsUser{}), "90", "shelfkeeper reauth"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := proxytest.NewWorld(t, c.upstream)
			w.Tokens.Err = c.tokenErr
			a := w.Do("GET", "/api/me")
			if a.StatusCode != 503 || a.Header.Get("Retry-After") != c.retry || !strings.Contains(a.Text, c.says) {
				t.Errorf("%s, Retry-After %q: %s", a.Status, a.Header.Get("Retry-After"), a.Text)
			}
			if c.tokenErr != nil && len(w.Requests()) > 0 {
				t.Error("went upstream without a token")
			}
		})
	}
}

// What needs no token is served without one.
func TestPublicRoutesNeedNoToken(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.Text("audio/mpeg", "sound"))
	w.Tokens.Err = errors.New("offline")
	for _, path := range []string{"/public/session/s/track/1", "/hls/s/output-0.ts", "/feed/slug/item/e/a.mp3", "/ping", "/_nuxt/x.js"} {
		if a := w.Do("GET", path); a.StatusCode != 200 {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	for _, r := range w.Requests() {
		if r.Header["Authorization"] != nil {
			t.Errorf("%s got our bearer", r.RequestURI)
		}
	}
}
