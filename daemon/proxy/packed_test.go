package proxy_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/upstream"
)

// Over the transport of the program a gateway packs what is filtered. It is unpacked,
// filtered and has no token in it; files are never asked for packed.
func TestPackedAnswersAreFiltered(t *testing.T) {
	in := proxytest.UserBody(proxytest.Legacy, proxytest.Others)
	large := `[` + strings.Repeat(in+",\n", 400) + `0]`
	for _, c := range []struct {
		desc, path, span, kind, in string
		packed                     bool
		want                       string
	}{
		{"a small answer", "/api/me", "", "application/json", in, true, proxytest.UserBody(proxytest.Grant, "")},
		{"a large answer", "/api/users", "", "application/json", large, true,
			`[` + strings.Repeat(proxytest.UserBody(proxytest.Grant, "")+",\n", 400) + `0]`},
		{"a range of JSON", "/api/me", "bytes=0-", "application/json", in, false, proxytest.UserBody(proxytest.Grant, "")},
		{"a file", "/api/items/1/file/2", "", "audio/mpeg", "music", false, "music"},
		{"a cover", "/api/items/1/cover", "", "image/webp", "picture", false, "picture"},
		{"a track of a session", "/public/session/1/track/1", "", "audio/mpeg", "music", false, "music"},
		{"a playlist", "/hls/1/output.m3u8", "", "application/vnd.apple.mpegurl", "#EXTM3U", false, "#EXTM3U"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				if packed := r.Header.Get("Accept-Encoding") == "gzip"; packed != c.packed {
					t.Errorf("asked for %q", r.Header.Get("Accept-Encoding"))
				}
				rw.Header().Set("Content-Type", c.kind)
				if !c.packed {
					_, _ = io.WriteString(rw, c.in)
					return
				}
				rw.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(rw)
				_, _ = io.WriteString(z, c.in)
				_ = z.Close()
			}, throughUpstream(t))
			w.Grants.Good[proxytest.Grant] = true
			header := []string{"Authorization", "Bearer " + proxytest.Grant}
			if c.span != "" {
				header = append(header, "Range", c.span)
			}
			a := w.Do("GET", c.path, header...)
			if a.Err != nil || a.StatusCode != 200 && a.StatusCode != 403 || a.StatusCode == 200 && a.Text != c.want {
				t.Errorf("%s, %v: %.200s", a.Status, a.Err, a.Text)
			}
			if a.Header.Get("Content-Encoding") != "" {
				t.Error("it is still packed")
			}
			if a.StatusCode == 200 && len(c.want) < 1000 && a.ContentLength != int64(len(c.want)) {
				t.Errorf("length %d", a.ContentLength)
			}
			noReal(t, a)
		})
	}
}

func throughUpstream(t *testing.T) func(*proxy.Config) {
	return func(c *proxy.Config) {
		u, err := upstream.New(upstream.Policy{Base: c.Base, ProxyURL: "direct"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(u.Close)
		c.Transport = u.Transport()
	}
}

// An answer that would grow without end is no answer: it breaks off, and no player takes
// a part for the whole.
func TestBombIsCutOff(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(z, `{"a":"`)
	for range 16 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("Content-Encoding", "gzip")
		rw.Header().Set("Content-Length", fmt.Sprint(bomb.Len()))
		_, _ = rw.Write(bomb.Bytes())
	}, throughUpstream(t))
	a := w.Do("GET", "/api/me")
	if a.Err == nil || len(a.Text) > 10<<20 {
		t.Errorf("%s, %d bytes, %v", a.Status, len(a.Text), a.Err)
	}
}
