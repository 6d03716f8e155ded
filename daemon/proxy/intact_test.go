package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// A player that asks before it sends a body gets its 100, and one that is
// refused sends none.
func TestExpectContinue(t *testing.T) {
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(rw, n)
	})
	for _, c := range []struct {
		path string
		size int
		good bool
	}{
		{"/api/session/local-all", 10, true},
		{"/api/session/local-all", 2 * proxy.MaxReplay, true},
		{"/api/users", 10, false},
	} {
		nc, err := net.Dial("tcp", w.Addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.SetDeadline(time.Now().Add(proxytest.RawDeadline)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(nc, "POST %s HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n",
			c.path, w.Addr, c.size)
		br := bufio.NewReader(nc)
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(c, err)
		}
		if !c.good {
			if resp.StatusCode != 403 {
				t.Errorf("%s: %s", c.path, resp.Status)
			}
			_ = nc.Close()
			continue
		}
		if resp.StatusCode != 100 {
			t.Fatalf("%s before the body", resp.Status)
		}
		if _, err := nc.Write(make([]byte, c.size)); err != nil {
			t.Fatal(err)
		}
		if resp, err = http.ReadResponse(br, nil); err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 || string(body) != fmt.Sprint(c.size) {
			t.Errorf("%s %s", resp.Status, body)
		}
		_ = nc.Close()
	}
}

// What comes after a chunked body comes through, without its tokens.
func TestTrailers(t *testing.T) {
	for _, kind := range []string{"audio/mpeg", "text/plain"} {
		w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", kind)
			rw.Header().Set("Trailer", "X-Sum, X-Token, X-Secret")
			_, _ = io.WriteString(rw, "body")
			_ = http.NewResponseController(rw).Flush()
			rw.Header().Set("X-Sum", "abc")
			rw.Header().Set("X-Token", "t="+proxytest.Legacy)
			rw.Header().Set("X-Secret", "opaque-refresh-secret")
		})
		a := w.Do("GET", "/api/items/1/file/2", "Authorization", "Bearer "+proxytest.Grant)
		if a.Text != "body" || a.Trailer.Get("X-Sum") != "abc" || a.Trailer.Get("X-Token") != "t="+proxytest.Grant ||
			a.Trailer.Get("X-Secret") != "" {
			t.Errorf("%s: %q %v", kind, a.Text, a.Trailer)
		}
	}
}

// Compressed media pass as they are, HEAD tells what GET would.
func TestMediaPassByteForByte(t *testing.T) {
	data := proxytest.Media(200_000)
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Type", "image/jpeg")
		h.Set("Content-Encoding", "br")
		h.Set("Content-Length", fmt.Sprint(len(data)))
		h.Set("Content-Disposition", `attachment; filename="a b.jpg"`)
		h.Set("Cache-Control", "private, max-age=86400")
		h.Set("Vary", "Accept")
		h.Set("Etag", `"strong"`)
		if r.Method == "GET" {
			_, _ = rw.Write(data)
		}
	})
	get, head := w.Do("GET", "/api/items/1/cover"), w.Do("HEAD", "/api/items/1/cover")
	if get.Text != string(data) || get.Header.Get("Content-Encoding") != "br" || get.Header.Get("Etag") != `"strong"` {
		t.Errorf("%d bytes, %v", len(get.Text), get.Header)
	}
	get.Header.Del("Date")
	head.Header.Del("Date")
	if fmt.Sprint(get.Header) != fmt.Sprint(head.Header) || head.Text != "" || head.ContentLength != get.ContentLength {
		t.Errorf("\n GET %v\nHEAD %v", get.Header, head.Header)
	}
}

// The memory that an answer takes does not grow with it.
func TestBoundedMemory(t *testing.T) {
	item := `{"id":"86a33fcc","title":"Emma","link":"http://abs.example/x","path":"a.eyb","tags":["a\u0062"]},`
	for _, kind := range []string{"application/json", "text/xml", "audio/mpeg"} {
		used := func(items int) uint64 {
			src := &repeated{unit: []byte(item), left: items}
			g := proxytest.NewStage(t, func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {kind}}, ContentLength: -1, Body: io.NopCloser(src)}, nil
			})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w := &counting{header: http.Header{}}
			if g.Serve(context.Background(), w, "GET", "/api/me", "", "Authorization", "Bearer "+proxytest.Grant) || w.n < items*50 {
				t.Fatal("broken")
			}
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		used(1000) // fills the pools
		// About 100 kB and 20 MB.
		if small, large := used(1000), used(200_000); large > small+512<<10 {
			t.Errorf("%s: allocates %d bytes for a thousand items, %d for two hundred thousand", kind, small, large)
		}
	}
}

// repeated is a body made while it is read.
type repeated struct {
	unit []byte
	left int
	rest []byte
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(r.rest) == 0 {
			if r.left == 0 {
				return n, io.EOF
			}
			r.left--
			r.rest = r.unit
		}
		m := copy(p[n:], r.rest)
		r.rest = r.rest[m:]
		n += m
	}
	return n, nil
}

type counting struct {
	header http.Header
	n      int
}

func (c *counting) Header() http.Header { return c.header }

func (c *counting) Write(b []byte) (int, error) { c.n += len(b); return len(b), nil }

func (c *counting) WriteHeader(int) {}
