package route

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzReadable: what is let through means one path to everybody, however often it is
// unescaped and whichever way its segments are read.
func FuzzReadable(f *testing.F) {
	for _, s := range []string{
		"/api/me", "//api//me", "/audiobookshelf/api/tags/b2s%2F", "/api/items/%2e%2e/x", "/api/..;/x", `/api\x`, "/api/%252e", "/%ff",
		"/api/genres/%2F%2F",
		"/api/libraries/1/narrators/a%2Fb%3D%3D/", "/api/tags/%2e%2e%2fusers", "/a%3fb", "/%c0%af", "/api/tags/+/%2F",
	} {
		f.Add(s)
	}
	prefixes := []string{UsualBasePath, "/abs"}
	f.Fuzz(func(t *testing.T, raw string) {
		if strings.ContainsAny(raw, "? \r\n") {
			return // no path in a request line
		}
		raw = Collapse(raw)
		path, ok := Readable(raw, prefixes)
		if !ok {
			return
		}
		plain, err := url.PathUnescape(raw)
		if err != nil || !utf8.ValidString(plain) || !strings.HasPrefix(path, "/") || strings.Contains(raw, "//") {
			t.Fatalf("%q is read as %q: %v", raw, path, err)
		}
		twice, err := url.PathUnescape(plain)
		if err != nil || twice != plain {
			t.Errorf("%q has two meanings: %q and %q", raw, plain, twice)
		}
		for segment := range strings.SplitSeq(plain, "/") {
			if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." || strings.ContainsAny(segment, `\?#`) {
				t.Errorf("%q has the segment %q", raw, segment)
			}
		}
		// Beside a name in base64 nobody finds more segments than we do.
		if len(Segments(plain)) != len(Segments(path)) && !strings.Contains(path, "/tags/") && !strings.Contains(path, "/genres/") &&
			!strings.Contains(strings.ToLower(path), "/narrators/") && !strings.Contains(strings.ToLower(path), "/tags/") &&
			!strings.Contains(strings.ToLower(path), "/genres/") {
			t.Errorf("%q is %q to us and %q to others", raw, path, plain)
		}
	})
}

func TestCollapse(t *testing.T) {
	for in, want := range map[string]string{
		"/a": "/a", "//a": "/a", "/a//b///c//": "/a/b/c/", "/": "/", "///": "/", "": "", "a//b": "a/b", "/a%2F%2Fb": "/a%2F%2Fb",
	} {
		if got := Collapse(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
