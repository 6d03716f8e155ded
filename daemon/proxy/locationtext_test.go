package proxy

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"shelfkeeper/daemon/players"
)

// asAdmin gives the grant of these tests the scope that feeds are made with.
func asAdmin(c *Config) { c.Grants = adminGrants{c.Grants} }

type adminGrants struct{ Grants }

func (a adminGrants) Caller(ctx context.Context, s string) (players.Caller, error) {
	c, err := a.Grants.Caller(ctx, s)
	c.Scope = players.ScopeAdmin
	return c, err
}

func TestOwnAddresses(t *testing.T) {
	const feed, json, hls = "text/xml; charset=utf-8", "application/json", "application/vnd.apple.mpegurl"
	for _, c := range []struct{ desc, kind, path, in, want string }{
		{"enclosure", feed, "/feed/x", `<enclosure url="http://HOST/audiobookshelf/feed/x/item/1/media.mp3"/>`, `<enclosure url="OURS/audiobookshelf/feed/x/item/1/media.mp3"/>`},
		{"by the other scheme", feed, "/feed/x", `<link>https://HOST</link>`, `<link>OURS</link>`},
		{"at the very end", feed, "/feed/x", `http://HOST`, `OURS`},
		{"two in a row", feed, "/feed/x", `http://HOST/http://HOST/`, `OURS/OURS/`},
		{"a longer host", feed, "/feed/x", `http://HOST.evil.example/ http://HOST1/ http://HOST:8080/`, `http://HOST.evil.example/ http://HOST1/ http://HOST:8080/`},
		{"another scheme", feed, "/feed/x", `ftp://HOST/ //HOST/`, `ftp://HOST/ //HOST/`},
		{"another host", feed, "/feed/x", `http://other.example/HOST`, `http://other.example/HOST`},
		{"playlist", hls, "/hls/s/output.m3u8", "#EXTM3U\nhttp://HOST/hls/s/output-0.ts\noutput-1.ts\n", "#EXTM3U\nOURS/hls/s/output-0.ts\noutput-1.ts\n"},
		{"of a feed", json, "/api/feeds", `{"feeds":[{"serverAddress":"http://HOST","feedUrl":"/feed/x"},{"serverAddress":"https://HOST/abs"}]}`, `{"feeds":[{"serverAddress":"OURS","feedUrl":"/feed/x"},{"serverAddress":"OURS/abs"}]}`},
		{"a text of somebody's", json, "/api/feeds", `{"description":"see http://HOST"}`, `{"description":"see http://HOST"}`},
		{"where nobody follows it", json, "/api/me", `{"serverAddress":"http://HOST"}`, `{"serverAddress":"http://HOST"}`},
		{"a page", "text/html", "/", `<a href="http://HOST/">`, `<a href="http://HOST/">`},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", c.kind)
				for _, b := range []byte(strings.ReplaceAll(c.in, "HOST", r.Host)) {
					_, _ = rw.Write([]byte{b})
					_ = http.NewResponseController(rw).Flush()
				}
			}, asAdmin)
			want := strings.ReplaceAll(strings.ReplaceAll(c.want, "OURS", "http://"+w.addr), "HOST", w.server.cfg.Base.Host)
			if a := w.do("GET", c.path, "Authorization", "Bearer "+grant); a.body != want || a.err != nil {
				t.Errorf("%s %v\n got %s\nwant %s", a.Status, a.err, a.body, want)
			}
		})
	}
}

func TestServersAddress(t *testing.T) {
	var got string
	w := newWorld(t, func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = string(b)
		if r.ContentLength != int64(len(b)) {
			t.Errorf("length %d of %d", r.ContentLength, len(b))
		}
	}, asAdmin)
	for in, want := range map[string]string{
		`{"serverAddress":"http://OURS","slug":"x"}`:     `{"serverAddress":"http://HOST","slug":"x"}`,
		`{"serverAddress":"http://OURS/abs","slug":"x"}`: `{"serverAddress":"http://HOST/abs","slug":"x"}`,
		`{"serverAddress":"http://OURS1","slug":"x"}`:    `{"serverAddress":"http://OURS1","slug":"x"}`,
		`{"serverAddress":"http://other.example"}`:       `{"serverAddress":"http://other.example"}`,
		`{"slug":"http://OURS"}`:                         `{"slug":"http://OURS"}`,
		`"serverAddress":"http://OURS`:                   `"serverAddress":"http://OURS`,
	} {
		fill := strings.NewReplacer("OURS", w.addr, "HOST", w.server.cfg.Base.Host).Replace
		a := w.send("POST", "/api/feeds/item/1/open", strings.NewReader(fill(in)), "Authorization", "Bearer "+grant, "Content-Type", "application/json")
		if a.StatusCode != 200 || got != fill(want) {
			t.Errorf("%s: %s went as %s", a.Status, in, got)
		}
	}
}

// However the body comes, the result is the same, and little of it is held.
func TestAddressesInPieces(t *testing.T) {
	in := strings.Repeat("http://abs.example/x https://abs.example:1 //abs.example abs.example ", 2000)
	want := strings.Repeat("http://us/x https://abs.example:1 //abs.example abs.example ", 2000)
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in)),
		"halves": iotest.HalfReader(strings.NewReader(in)), "with the end": iotest.DataErrReader(strings.NewReader(in)),
	} {
		a := &addresses{src: r, host: []byte("//abs.example"), ours: []byte("http://us")}
		got, err := io.ReadAll(a)
		if err != nil || string(got) != want {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(want), err)
		}
		if cap(a.buf) > 4*addressesRead {
			t.Errorf("%s: holds %d bytes", name, cap(a.buf))
		}
	}
}
