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
		{"lines of Windows", "GET", "/hls/s/output.m3u8", hls, "sk_a", "#EXTM3U\r\n\r\noutput-0.ts\r\n", "#EXTM3U\r\n\r\noutput-0.ts?token=sk_a\r\n"},
		{"one that carries it", "GET", "/hls/s/output.m3u8", hls, "sk_a", "output-0.ts?token=sk_b\n", "output-0.ts?token=sk_b\n"},
		{"another server", "GET", "/hls/s/output.m3u8", hls, "sk_a", "http://evil/0.ts\n", "http://evil/0.ts\n"},
		{"another server, by its scheme alone", "GET", "/hls/s/output.m3u8", hls, "sk_a", "//evil/0.ts\n", "//evil/0.ts\n"},
		{"another server, as browsers read it", "GET", "/hls/s/output.m3u8", hls, "sk_a", "\\\\evil/0.ts\n", "\\\\evil/0.ts\n"},
		{"an odd token", "GET", "/hls/s/output.m3u8", hls, "a&b#", "output-0.ts\n", "output-0.ts?token=a%26b%23\n"},
		{"a long comment", "GET", "/hls/s/output.m3u8", hls, "sk_a", long, strings.Replace(long, "1.ts", "1.ts?token=sk_a", 1)},
		{"a long line", "GET", "/hls/s/output.m3u8", hls, "sk_a", far, strings.Replace(far, "1.ts", "1.ts?token=sk_a", 1)},
		{"no token", "GET", "/hls/s/output.m3u8", hls, "", "output-0.ts\n", "output-0.ts\n"},
		{"another kind", "GET", "/hls/s/output.m3u8", "text/html", "sk_a", "output-0.ts\n", "output-0.ts\n"},
		{"another route", "GET", "/api/items/1/file/2", hls, "sk_a", "output-0.ts\n", "output-0.ts\n"},
	} {
		r := Request{Method: c.method, Path: c.path}
		for name, src := range map[string]io.Reader{"whole": strings.NewReader(c.body), "bytes": iotest.OneByteReader(strings.NewReader(c.body))} {
			got, err := io.ReadAll(r.WithToken(c.kind, src, c.token))
			if err != nil || string(got) != c.want {
				t.Errorf("%s, %s: %v %.120q", c.desc, name, err, got)
			}
		}
	}
}
