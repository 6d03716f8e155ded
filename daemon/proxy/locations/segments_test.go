package locations

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// A player of another user presents its grant in the address of a transcode. It gets
// addresses of segments that carry it, and nothing else gets it.
func TestSegmentsCarryTheToken(t *testing.T) {
	const hls = "application/vnd.apple.mpegurl"
	long := "#" + strings.Repeat("x", 2*readSize) + "y\noutput-1.ts\n"
	far := strings.Repeat("z", readSize) + "output-0.ts\noutput-1.ts\n"
	for _, c := range []struct{ desc, method, path, kind, token, body, want string }{
		{"lines", "GET", "/hls/s/output.m3u8", hls, "sk_a", "#EXTM3U\n#EXTINF:6,\noutput-0.ts\n#EXT-X-ENDLIST",
			"#EXTM3U\n#EXTINF:6,\noutput-0.ts?token=sk_a\n#EXT-X-ENDLIST"},
		{"the end of the file", "GET", "/hls/s/output.m3u8", hls, "sk_a", "output-0.ts", "output-0.ts?token=sk_a"},
		{"lines of Windows", "GET", "/hls/s/output.m3u8", hls, "sk_a", "#EXTM3U\r\n\r\noutput-0.ts\r\n",
			"#EXTM3U\r\n\r\noutput-0.ts?token=sk_a\r\n"},
		{"one that carries it", "GET", "/hls/s/output.m3u8", hls, "sk_a", "output-0.ts?token=sk_b\n", "output-0.ts?token=sk_b\n"},
		{"another server", "GET", "/hls/s/output.m3u8", hls, "sk_a", "http://evil/0.ts\n", "http://evil/0.ts\n"},
		{"another server, by its scheme alone", "GET", "/hls/s/output.m3u8", hls, "sk_a", "//evil/0.ts\n", "//evil/0.ts\n"},
		{"another server, as browsers read it", "GET", "/hls/s/output.m3u8", hls, "sk_a", "\\\\evil/0.ts\n", "\\\\evil/0.ts\n"},
		{"another server, behind a blank", "GET", "/hls/s/output.m3u8", hls, "sk_a", " //evil/0.ts\n", " //evil/0.ts\n"},
		{"another server, behind a tab", "GET", "/hls/s/output.m3u8", hls, "sk_a", "\t//evil/0.ts\n", "\t//evil/0.ts\n"},
		{"another server, behind a control character", "GET", "/hls/s/output.m3u8", hls, "sk_a", "\x01//evil/0.ts\n", "\x01//evil/0.ts\n"},
		{"another server, behind a lone return", "GET", "/hls/s/output.m3u8", hls, "sk_a", "0.ts\r//evil/0.ts\n", "0.ts\r//evil/0.ts\n"},
		{"an odd token", "GET", "/hls/s/output.m3u8", hls, "a&b#", "output-0.ts\n", "output-0.ts?token=a%26b%23\n"},
		{"a long comment", "GET", "/hls/s/output.m3u8", hls, "sk_a", long, strings.Replace(long, "1.ts", "1.ts?token=sk_a", 1)},
		{"a long line", "GET", "/hls/s/output.m3u8", hls, "sk_a", far, strings.Replace(far, "1.ts", "1.ts?token=sk_a", 1)},
		{"no token", "GET", "/hls/s/output.m3u8", hls, "", "output-0.ts\n", "output-0.ts\n"},
		{"another kind", "GET", "/hls/s/output.m3u8", "text/html", "sk_a", "output-0.ts\n", "output-0.ts\n"},
		{"another route", "GET", "/api/items/1/file/2", hls, "sk_a", "output-0.ts\n", "output-0.ts\n"},
	} {
		r := Request{Method: c.method, Path: c.path}
		for name, src := range map[string]io.Reader{
			"whole": strings.NewReader(c.body), "bytes": iotest.OneByteReader(strings.NewReader(c.body)),
		} {
			got, err := io.ReadAll(r.WithToken(c.kind, src, c.token))
			if err != nil || string(got) != c.want {
				t.Errorf("%s, %s: %v %.120q", c.desc, name, err, got)
			}
		}
	}
}

// The same for a feed: its files and pictures, and nobody else's addresses.
func TestEnclosuresCarryTheToken(t *testing.T) {
	r := Request{Method: "GET", Path: "/feed/s", Host: "127.0.0.1:1"}
	const in = `<rss><atom:link href="http://127.0.0.1:1/feed/s" rel="self"/>` +
		`<guid isPermaLink="false">http://127.0.0.1:1/feed/s/item/1/a.mp3</guid>` +
		`<enclosure url="http://127.0.0.1:1/abs/feed/s/item/1/a.mp3" type="audio/mpeg"/>` +
		`<itunes:image href="http://127.0.0.1:1/feed/s/cover.jpg"/>` +
		`<enclosure url="http://127.0.0.1:1.evil/feed/s/a.mp3"/><enclosure url="http://other/feed/a.mp3"/>` +
		`<enclosure url="http://127.0.0.1:1/feed/s/b.mp3?x=1"/>` +
		`<x name="http://127.0.0.1:1/feed/s/a.mp3"/><link>http://127.0.0.1:1/feed/s</link></rss>`
	want := strings.NewReplacer(`a.mp3" type`, `a.mp3?token=sk_a" type`, `cover.jpg"`, `cover.jpg?token=sk_a"`,
		`feed/s" rel`, `feed/s?token=sk_a" rel`).Replace(in)
	for name, src := range map[string]io.Reader{"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in))} {
		if got, err := io.ReadAll(r.WithToken("text/xml; charset=utf-8", src, "sk_a")); err != nil || string(got) != want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, want)
		}
	}
	for _, c := range [][]string{{"/feed/s", "text/html", "sk_a"}, {"/feed/s", "text/xml", ""}, {"/api/me", "text/xml", "sk_a"}} {
		r := Request{Method: "GET", Path: c[0], Host: "127.0.0.1:1"}
		if got, err := io.ReadAll(r.WithToken(c[1], strings.NewReader(in), c[2])); err != nil || string(got) != in {
			t.Errorf("%q: %v %s", c, err, got)
		}
	}
}
