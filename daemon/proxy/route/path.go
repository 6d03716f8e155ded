package route

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// UsualBasePath is where Audiobookshelf lives unless it was told otherwise;
// the server itself answers with and without it (abs: ROUTER_BASE_PATH;
// measured on 2.36.0).
const UsualBasePath = "/audiobookshelf"

// Collapse returns raw with one slash where several follow each other. Players
// join an address that ends in a slash with a path that begins with one, and
// the server answers most of what comes of it (measured on 2.26.3 to 2.36.0).
func Collapse(raw string) string {
	if !strings.Contains(raw, "//") {
		return raw
	}
	var b strings.Builder
	b.Grow(len(raw))
	for i := range len(raw) {
		if raw[i] != '/' || i == 0 || raw[i-1] != '/' {
			b.WriteByte(raw[i])
		}
	}
	return b.String()
}

// Unescape returns the path that raw means, or false when raw could mean
// another one to somebody else.
func Unescape(raw string) (string, bool) {
	if !strings.HasPrefix(raw, "/") || strings.Contains(raw, "//") || strings.ContainsAny(raw, `\#`) {
		return "", false
	}
	for segment := range strings.SplitSeq(raw, "/") {
		// Some gateways cut what follows ";" before they look at the dots.
		name, _, _ := strings.Cut(segment, ";")
		if name == "." || name == ".." {
			return "", false
		}
	}
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' {
			if i+2 >= len(raw) {
				return "", false
			}
			meant, err := strconv.ParseUint(raw[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			c = byte(meant)
			i += 2
			if strings.IndexByte(`/\.%?#;`, c) >= 0 {
				return "", false
			}
		}
		if c < ' ' || c == 0x7f {
			return "", false
		}
		b.WriteByte(c)
	}
	if !utf8.ValidString(b.String()) {
		return "", false // the server cannot read it either, and answers 400
	}
	return b.String(), true
}

// named are the routes whose last segment is a name in base64, as the web client
// writes it. Escaped slashes are part of that name (abs: client/plugins/init.client.js,
// server/controllers/MiscController.js).
var named = Parse(`
ANY /api/tags/:name
ANY /api/genres/:name
ANY /api/libraries/:id/narrators/:name
`)

// base64Name is what a name in base64 is made of, escapes undone. It cannot be read as
// a way to another path.
var base64Name = regexp.MustCompile(`^[0-9A-Za-z+/_-]*={0,2}$`)

// Readable is Unescape for a path under one of the base paths. In the name that some
// routes end with, an escaped slash becomes "_".
func Readable(raw string, prefixes []string) (string, bool) {
	if path, ok := Unescape(raw); ok {
		return path, true
	}
	cut := strings.LastIndexByte(strings.TrimSuffix(raw, "/"), '/') + 1
	name, err := url.PathUnescape(strings.TrimSuffix(raw[cut:], "/"))
	if err != nil || !base64Name.MatchString(name) {
		return "", false
	}
	path, ok := Unescape(raw[:cut] + "_")
	if !ok {
		return "", false
	}
	bare := path
	for _, prefix := range prefixes {
		if under, ok := CutPrefix(path, prefix); ok {
			bare = under
			break
		}
	}
	return path, named.Matches("ANY", bare)
}

// CutPrefix cuts a base path off, whatever its case.
func CutPrefix(path, prefix string) (string, bool) {
	if len(path) < len(prefix) || !strings.EqualFold(path[:len(prefix)], prefix) {
		return path, false
	}
	switch rest := path[len(prefix):]; {
	case rest == "":
		return "/", true
	case rest[0] == '/':
		return rest, true
	}
	return path, false
}
