package proxy_test

import (
	"bytes"
	"net/http"
	"strconv"
	"testing"

	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

const coverPath = "/api/items/1/cover?ts=1"

// pictured is a world whose server answers with a picture and these headers.
func pictured(t *testing.T, header ...string) *proxytest.World {
	return proxytest.NewWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "image/webp")
		rw.Header().Set("Cache-Control", "private, max-age=86400")
		rw.Header().Set("Content-Length", "1000")
		for i := 0; i < len(header); i += 2 {
			rw.Header().Set(header[i], header[i+1])
		}
		_, _ = rw.Write(bytes.Repeat([]byte("p"), 1000))
	})
}

// What the server lets be kept is given again to every player, with its age. A player
// without a grant that lives gets nothing.
func TestPicturesAreKept(t *testing.T) {
	w := pictured(t, "Etag", `"cover-1"`, "Age", "7")
	for i := range 3 {
		a := w.Do("GET", coverPath, "Authorization", "Bearer "+proxytest.Grant)
		if a.StatusCode != 200 || len(a.Text) != 1000 || a.Header.Get("Etag") != `"cover-1"` || a.Header.Get("Content-Length") != "1000" {
			t.Fatalf("%d: %s, %d bytes, %v", i, a.Status, len(a.Text), a.Header)
		}
		if age, err := strconv.Atoi(a.Header.Get("Age")); err != nil || age < 7 {
			t.Errorf("%d: age %q", i, a.Header.Get("Age"))
		}
	}
	if n := len(w.Requests()); n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
	w.Grants.Revoke(proxytest.Grant)
	if a := w.Do("GET", coverPath, "Authorization", "Bearer "+proxytest.Grant); a.StatusCode != 401 {
		t.Errorf("a revoked grant: %s", a.Status)
	}
}

// Nothing is given again that the server forbids, or that was asked for in another way.
func TestPicturesThatAreNotKept(t *testing.T) {
	for desc, c := range map[string]struct{ path, answer, request []string }{
		"no word about it":       {answer: []string{"Cache-Control", ""}},
		"no-store":               {answer: []string{"Cache-Control", "no-store, max-age=60"}},
		"no-cache":               {answer: []string{"Cache-Control", "max-age=60, No-Cache"}},
		"an age that is over":    {answer: []string{"Age", "90000"}},
		"an age that is none":    {answer: []string{"Cache-Control", "max-age=soon"}},
		"another Vary":           {answer: []string{"Vary", "Accept, Cookie"}},
		"a cookie":               {answer: []string{"Set-Cookie", "a=b"}},
		"packed":                 {answer: []string{"Content-Encoding", "br"}},
		"a text":                 {answer: []string{"Content-Type", "text/plain"}},
		"a picture that is text": {answer: []string{"Content-Type", "image/svg+xml"}},
		"a reload":               {request: []string{"Cache-Control", "no-cache"}},
		"an old reload":          {request: []string{"Pragma", "no-cache"}},
		"a range":                {request: []string{"Range", "bytes=0-9999"}},
		"a condition":            {request: []string{"If-None-Match", `"x"`}},
		"another route":          {path: []string{"/api/items/1/file/2"}},
	} {
		t.Run(desc, func(t *testing.T) {
			w := pictured(t, c.answer...)
			path := coverPath
			if c.path != nil {
				path = c.path[0]
			}
			for range 2 {
				if a := w.Do("GET", path, c.request...); a.StatusCode != 200 {
					t.Fatal(a.Status)
				}
			}
			if n := len(w.Requests()); n != 2 {
				t.Errorf("the server was asked %d times", n)
			}
		})
	}
}

// Each address and each kind of picture is one of its own. A session that waits gives none.
func TestPicturesAreApart(t *testing.T) {
	w := pictured(t)
	asked := func() (n int) {
		for _, r := range w.Requests() {
			if r.URL.Path != "/ping" { // that a connection is opened with meanwhile
				n++
			}
		}
		return n
	}
	for i, ask := range [][]string{
		{coverPath}, {"/api/items/1/cover?ts=2"}, {"/api/items/2/cover?ts=1"}, {coverPath, "Accept", "image/webp"}, {"/api/authors/1/image?ts=1"},
	} {
		for range 2 {
			w.Do("GET", ask[0], ask[1:]...)
		}
		if asked() != i+1 {
			t.Fatalf("%v: the server was asked %d times", ask, asked())
		}
	}
	w.Tokens.Takes = 1 // a session that has to be renewed first
	if w.Do("GET", coverPath); asked() != 6 {
		t.Error("given although a token would not come at once")
	}
}

// A change forgets all, one that a player without that right tries changes nothing.
func TestPicturesAreForgotten(t *testing.T) {
	for _, c := range []struct {
		change func(*proxy.Config)
		asked  int
	}{
		{func(*proxy.Config) {}, 1},
		{func(c *proxy.Config) { c.Grants = adminScope{c.Grants} }, 3}, // the change itself, and the picture anew
	} {
		w := pictured(t)
		cfg := w.Config
		c.change(&cfg)
		_, w.Addr = proxytest.Start(t, cfg)
		for _, method := range []string{"GET", "GET", "POST", "GET"} {
			w.Do(method, coverPath, "Authorization", "Bearer "+proxytest.Grant)
		}
		if n := len(w.Requests()); n != c.asked {
			t.Errorf("the server was asked %d times, not %d", n, c.asked)
		}
	}
}

// What is kept is bounded, and what was not asked for goes first.
func TestPicturesAreBounded(t *testing.T) {
	const size = 200 << 10
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "image/jpeg")
		rw.Header().Set("Cache-Control", "max-age=60")
		rw.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = rw.Write(make([]byte, size))
	})
	path := func(i int) string { return "/api/items/1/cover?ts=" + strconv.Itoa(i) }
	for i := range 40 { // 8 MB
		w.Do("GET", path(0))
		w.Do("GET", path(i))
	}
	before := len(w.Requests())
	if before != 40 {
		t.Errorf("the server was asked %d times", before)
	}
	w.Do("GET", path(0))
	w.Do("GET", path(39))
	if n := len(w.Requests()); n != before {
		t.Errorf("forgotten: %d", n-before)
	}
	if w.Do("GET", path(1)); len(w.Requests()) != before+1 {
		t.Error("more is kept than its bound allows")
	}
}
