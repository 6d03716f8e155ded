package route

import (
	"strconv"
	"strings"
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
	return b.String(), true
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
