package locations_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// asAdmin gives the grant of these tests the scope that feeds are made with.
func asAdmin(c *proxy.Config) { c.Grants = adminGrants{c.Grants} }

type adminGrants struct{ proxy.Grants }

func (a adminGrants) Caller(ctx context.Context, s string) (players.Caller, error) {
	c, err := a.Grants.Caller(ctx, s)
	c.Scope = players.ScopeAdmin
	return c, err
}

func TestOwnAddresses(t *testing.T) {
	const feed, json, hls = "text/xml; charset=utf-8", "application/json", "application/vnd.apple.mpegurl"
	for _, c := range []struct{ desc, kind, path, in, want string }{
		{"enclosure", feed, "/feed/x", `<enclosure url="http://HOST/audiobookshelf/feed/x/item/1/media.mp3"/>`,
			`<enclosure url="OURS/audiobookshelf/feed/x/item/1/media.mp3"/>`},
		{"by the other scheme", feed, "/feed/x", `<link>https://HOST</link>`, `<link>OURS</link>`},
		{"at the very end", feed, "/feed/x", `http://HOST`, `OURS`},
		{"two in a row", feed, "/feed/x", `http://HOST/http://HOST/`, `OURS/OURS/`},
		{"a longer host", feed, "/feed/x", `http://HOST.evil.example/ http://HOST1/ http://HOST:8080/`,
			`http://HOST.evil.example/ http://HOST1/ http://HOST:8080/`},
		{"another scheme", feed, "/feed/x", `ftp://HOST/ //HOST/`, `ftp://HOST/ //HOST/`},
		{"another host", feed, "/feed/x", `http://other.example/HOST`, `http://other.example/HOST`},
		{"playlist", hls, "/hls/s/output.m3u8", "#EXTM3U\nhttp://HOST/hls/s/output-0.ts\noutput-1.ts\n",
			"#EXTM3U\nOURS/hls/s/output-0.ts\noutput-1.ts\n"},
		{"of a feed", json, "/api/feeds",
			`{"feeds":[{"serverAddress":"http://HOST","feedUrl":"/feed/x"},{"serverAddress":"https://HOST/abs"}]}`,
			`{"feeds":[{"serverAddress":"OURS","feedUrl":"/feed/x"},{"serverAddress":"OURS/abs"}]}`},
		{"a text of somebody's", json, "/api/feeds", `{"description":"see http://HOST"}`, `{"description":"see http://HOST"}`},
		{"where nobody follows it", json, "/api/me", `{"serverAddress":"http://HOST"}`, `{"serverAddress":"http://HOST"}`},
		{"a page", "text/html", "/", `<a href="http://HOST/">`, `<a href="http://HOST/">`},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", c.kind)
				for _, b := range []byte(strings.ReplaceAll(c.in, "HOST", r.Host)) {
					_, _ = rw.Write([]byte{b})
					_ = http.NewResponseController(rw).Flush()
				}
			}, asAdmin)
			want := strings.ReplaceAll(strings.ReplaceAll(c.want, "OURS", "http://"+w.Addr), "HOST", w.Config.Base.Host)
			if a := w.Do("GET", c.path, "Authorization", "Bearer "+proxytest.Grant); a.Text != want || a.Err != nil {
				t.Errorf("%s %v\n got %s\nwant %s", a.Status, a.Err, a.Text, want)
			}
		})
	}
}

func TestServersAddress(t *testing.T) {
	var got string
	w := proxytest.NewWorld(t, func(_ http.ResponseWriter, r *http.Request) {
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
		fill := strings.NewReplacer("OURS", w.Addr, "HOST", w.Config.Base.Host).Replace
		a := w.Send("POST", "/api/feeds/item/1/open", strings.NewReader(fill(in)), "Authorization", "Bearer "+proxytest.Grant,
			"Content-Type", "application/json")
		if a.StatusCode != 200 || got != fill(want) {
			t.Errorf("%s: %s went as %s", a.Status, in, got)
		}
	}
}

// A feed says itself under which address the server knows it: with several
// addresses, or behind a gateway that hides the port, it is another one than the
// account's. Links and guids are the same whichever it is.
func TestFeedsAreFoundByTheirOwnLink(t *testing.T) {
	feed := func(prefix string) string {
		return `<?xml version="1.0"?><rss><channel><title>http://other.example</title><link>` + prefix + `/item/1</link>` +
			`<atom:link href="` + prefix + `/feed/x" rel="self" type="application/rss+xml"/>` +
			`<item><guid isPermaLink="false">` + prefix + `/feed/x/item/1/media.mp3</guid>` +
			`<enclosure url="` + prefix + `/feed/x/item/1/media.mp3"/></item></channel></rss>`
	}
	var want string
	for _, prefix := range []string{
		"http://HOST", "https://abs.example", "https://abs.example:8443/audiobookshelf", "http://192.168.1.5:13378",
		"https://second.example", "http://[fd00::1]:80",
	} {
		w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/xml; charset=utf-8")
			_, _ = io.WriteString(rw, feed(strings.ReplaceAll(prefix, "HOST", r.Host)))
		}, func(c *proxy.Config) { c.Hosts = []string{"second.example"} })
		a := w.Do("GET", "/feed/x")
		base := ""
		if strings.HasSuffix(prefix, "/audiobookshelf") {
			base = "/audiobookshelf"
		}
		if want = feed("http://" + w.Addr + base); a.Text != want || a.Err != nil {
			t.Errorf("%s: %s %v\n got %s\nwant %s", prefix, a.Status, a.Err, a.Text, want)
		}
	}
	for desc, text := range map[string]string{
		"no link of its own":   `<rss><link>https://abs.example/x</link></rss>`,
		"another kind of link": `<rss><atom:link href="https://abs.example/x" rel="hub"/><link>https://abs.example/x</link></rss>`,
		"no address":           `<rss><atom:link href="javascript:x" rel="self"/><link>https://abs.example/x</link></rss>`,
		"far behind":           `<rss>` + strings.Repeat(" ", 128<<10) + `<atom:link href="https://abs.example/x" rel="self"/></rss>`,
	} {
		w := proxytest.NewWorld(t, proxytest.Text("application/rss+xml", text))
		if a := w.Do("GET", "/feed/x"); a.Text != text || a.Err != nil {
			t.Errorf("%s: %s", desc, a.Text)
		}
	}
	// Elsewhere such a link is somebody's text.
	text := `<a><atom:link href="https://abs.example/x" rel="self"/></a>`
	w := proxytest.NewWorld(t, proxytest.Text("text/xml", text))
	if a := w.Do("GET", "/feed/x/item/1/media.xml"); a.Text != text {
		t.Errorf("%s", a.Text)
	}
}

// What is told of feeds names our address whichever of the server's it was.
func TestFeedsOfOtherAddresses(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.Text("application/json",
		`{"feeds":[{"serverAddress":"https://second.example:8443"},{"serverAddress":"https://third.example"}]}`),
		asAdmin, func(c *proxy.Config) { c.Hosts = []string{"second.example:8443"} })
	want := `{"feeds":[{"serverAddress":"http://` + w.Addr + `"},{"serverAddress":"https://third.example"}]}`
	if a := w.Do("GET", "/api/feeds", "Authorization", "Bearer "+proxytest.Grant); a.Text != want {
		t.Errorf("%s", a.Text)
	}
}
