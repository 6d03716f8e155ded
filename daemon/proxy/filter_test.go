package proxy_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/proxy/proxytest"
)

// realTokens are the bytes that must never be seen by a player.
var realTokens = []string{proxytest.Access1, proxytest.Access2, proxytest.Legacy, proxytest.Others, "opaque-refresh-secret"}

func noReal(t *testing.T, a proxytest.Answer) {
	t.Helper()
	var b strings.Builder
	_ = a.Header.Write(&b)
	b.WriteString(a.Text)
	for _, tok := range realTokens {
		if strings.Contains(b.String(), tok) {
			t.Errorf("a real token came through: %.300s", b.String())
		}
	}
}

func TestTokensInBodies(t *testing.T) {
	zip := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, s)
		_ = z.Close()
		return b.String()
	}
	in := proxytest.UserBody(proxytest.Legacy, proxytest.Others)
	large := `[` + strings.Repeat(in+",\n", 400) + `0]`
	largeWith := func(own string) string { return `[` + strings.Repeat(proxytest.UserBody(own, "")+",\n", 400) + `0]` }
	playlist := strings.Repeat("output-0.ts?token="+proxytest.Legacy+"\n", 3)
	for _, c := range []struct {
		desc, contentType, encoding, in string
		grant, none                     string // what is seen with a grant and without
	}{
		{"json", "application/json; charset=utf-8", "", in, proxytest.UserBody(proxytest.Grant, ""), proxytest.UserBody("", "")},
		{"large json", "application/json", "", large, largeWith(proxytest.Grant), largeWith("")},
		{"escaped", "application/json", "", `{"t":"\u0065` + proxytest.Legacy[1:] + `"}`, `{"t":"` + proxytest.Grant + `"}`, `{"t":""}`},
		{"playlist", "application/vnd.apple.mpegurl", "", playlist, strings.ReplaceAll(playlist, proxytest.Legacy, proxytest.Grant),
			strings.ReplaceAll(playlist, proxytest.Legacy, "")},
		{"html", "text/html", "", "<a href='?token=" + proxytest.Legacy + "'>", "<a href='?token=" + proxytest.Grant + "'>",
			"<a href='?token='>"},
		{"script", "application/javascript", "", `t="` + proxytest.Legacy + `"`, `t="` + proxytest.Grant + `"`, `t=""`},
		{"feed", "application/rss+xml", "", "<x>" + proxytest.Legacy + "</x>", "<x>" + proxytest.Grant + "</x>", "<x></x>"},
		{"no type", "", "", proxytest.Legacy, proxytest.Grant, ""},
		{"a known secret that is no token", "text/plain", "", "x opaque-refresh-secret y", "x  y", "x  y"},
		{"gzip that nobody asked for", "application/json", "gzip", zip(in), proxytest.UserBody(proxytest.Grant, ""), proxytest.UserBody("", "")},
		{"gzip that becomes large", "application/json", "gzip", zip(large), largeWith(proxytest.Grant), largeWith("")},
		{"media is left alone", "audio/mpeg", "", "\x00\x01" + strings.Repeat("x", 100), "\x00\x01" + strings.Repeat("x", 100),
			"\x00\x01" + strings.Repeat("x", 100)},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				h := rw.Header()
				h["Content-Type"] = nil
				if c.contentType != "" {
					h.Set("Content-Type", c.contentType)
				}
				if c.encoding != "" {
					h.Set("Content-Encoding", c.encoding)
				}
				h.Set("Content-Length", fmt.Sprint(len(c.in)))
				h.Set("Etag", `"abc"`)
				h.Set("Accept-Ranges", "bytes")
				h.Add("Set-Cookie", "refresh_token="+proxytest.Access1)
				h.Set("X-Debug", "token="+proxytest.Legacy)
				h.Set("X-Secret", "opaque-refresh-secret")
				h.Set("Access-Control-Allow-Origin", "*")
				if r.Method != "HEAD" {
					_, _ = io.WriteString(rw, c.in)
				}
			})
			for _, auth := range [][]string{{"Authorization", "Bearer " + proxytest.Grant}, nil} {
				want, debug := c.none, "token="
				if auth != nil {
					want, debug = c.grant, "token="+proxytest.Grant
				}
				path := "/api/me"
				if c.contentType == "text/html" {
					path = "/" // no page is an answer of the API
				}
				a := w.Do("GET", path, auth...)
				if a.Err != nil || a.StatusCode != 200 || a.Text != want {
					t.Errorf("%s %v\n got %.200q\nwant %.200q", a.Status, a.Err, a.Text, want)
				}
				noReal(t, a)
				if a.Header.Get("X-Debug") != debug || a.Header["X-Secret"] != nil || a.Header["Set-Cookie"] != nil ||
					a.Header["Access-Control-Allow-Origin"] != nil {
					t.Errorf("header %v", a.Header)
				}
				if a.ContentLength >= 0 && a.ContentLength != int64(len(want)) || a.Header["Content-Encoding"] != nil {
					t.Errorf("length %d, header %v", a.ContentLength, a.Header)
				}
				filtered := c.contentType != "audio/mpeg"
				if filtered != strings.HasPrefix(a.Header.Get("Etag"), `W/"abc`) || filtered == (a.Header.Get("Accept-Ranges") == "bytes") {
					t.Errorf("header %v", a.Header)
				}
				head := w.Do("HEAD", path, auth...)
				if head.StatusCode != 200 || head.Text != "" || filtered == (head.Header.Get("Content-Length") != "") ||
					head.Header.Get("Etag") != a.Header.Get("Etag") || head.Header["Content-Encoding"] != nil {
					t.Errorf("HEAD: %s %v", head.Status, head.Header)
				}
				noReal(t, head)
			}
		})
	}
}

func TestUnreadableEncodingsAreRefused(t *testing.T) {
	for _, encoding := range []string{"br", "deflate", "gzip, br", "zstd", "gzip"} {
		w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			rw.Header().Set("Content-Encoding", encoding)
			_, _ = io.WriteString(rw, proxytest.UserBody(proxytest.Legacy, proxytest.Others)) // not what it says
		})
		a := w.Do("GET", "/api/me")
		if a.StatusCode != 502 || a.Header["Content-Encoding"] != nil {
			t.Errorf("%s: %s %v", encoding, a.Status, a.Header)
		}
		noReal(t, a)
	}
}

// Two ranges of a text, each with half a token, would together be one.
func TestRangesOfTextAreAnsweredWhole(t *testing.T) {
	playlist := "#EXTM3U\noutput-0.ts?token=" + proxytest.Legacy + "\n"
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
		http.ServeContent(rw, r, "", time.Time{}, strings.NewReader(playlist))
	})
	for _, method := range []string{"GET", "HEAD"} {
		for _, span := range []string{"bytes=0-80", "bytes=81-", "bytes=0-5,10-100"} {
			a := w.Do(method, "/hls/s/output.m3u8", "Range", span)
			if a.StatusCode != 200 || a.Header.Get("Content-Range") != "" || strings.Contains(a.Text, proxytest.Legacy[:20]) {
				t.Errorf("%s %s: %s %v %s", method, span, a.Status, a.Header, a.Text)
			}
		}
	}
	if a := w.Do("GET", "/hls/s/output.m3u8", "Range", "bytes=9999-"); a.StatusCode != 416 || a.Header.Get("Content-Range") == "" {
		t.Errorf("%s %v", a.Status, a.Header)
	}
}

func TestNotModified(t *testing.T) {
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Etag", `W/"x"`)
		rw.WriteHeader(304)
	})
	if a := w.Do("GET", "/api/me", "If-None-Match", `W/"x"`); a.StatusCode != 304 || a.Header.Get("Etag") != `W/"x"` || a.Text != "" {
		t.Errorf("%s %v", a.Status, a.Header)
	}
}

func TestRedirectsBecomeOurs(t *testing.T) {
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "http://"+r.Host+"/hls/s/output.m3u8?token="+proxytest.Legacy, http.StatusFound)
	})
	a := w.Do("GET", "/public/session/s/track/1", "Authorization", "Bearer "+proxytest.Grant)
	if a.StatusCode != 302 || a.Header.Get("Location") != "/hls/s/output.m3u8?token="+proxytest.Grant {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	noReal(t, a)
	if len(w.Requests()) != 1 {
		t.Error("the redirect was followed")
	}
}

// A player that presents its grant in the address of a transcode's playlist gets it back
// in those of the segments; one that presents it otherwise does not.
func TestGrantInSegments(t *testing.T) {
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
		_, _ = io.WriteString(rw, "#EXTM3U\noutput-0.ts\nhttp://elsewhere/1.ts\n")
	})
	const bare, carried = "#EXTM3U\noutput-0.ts\nhttp://elsewhere/1.ts\n", "#EXTM3U\noutput-0.ts?token=" + proxytest.Grant + "\nhttp://elsewhere/1.ts\n"
	for _, c := range []struct {
		path   string
		header []string
		want   string
	}{
		{"/hls/s/output.m3u8?token=" + proxytest.Grant, nil, carried},
		{"/hls/s/output.m3u8?a=b&token=" + proxytest.Grant, nil, carried},
		{"/hls/s/output.m3u8", []string{"Authorization", "Bearer " + proxytest.Grant}, bare},
		{"/hls/s/output.m3u8?token=", nil, bare},
	} {
		if a := w.Do("GET", c.path, c.header...); a.StatusCode != 200 || a.Text != c.want {
			t.Errorf("%s: %s %q", c.path, a.Status, a.Text)
		}
	}
}
