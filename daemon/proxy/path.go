package proxy

import "strings"

// usualBasePath is where Audiobookshelf lives unless it was told otherwise;
// the server itself answers with and without it (abs: ROUTER_BASE_PATH;
// measured on 2.36.0).
const usualBasePath = "/audiobookshelf"

// unescapeClean returns the path that raw means, or false when raw could mean
// another one to somebody else.
func unescapeClean(raw string) (string, bool) {
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
			high, low := hexDigit(raw[i+1]), hexDigit(raw[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
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

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// cutPrefixPath cuts a base path off, whatever its case.
func cutPrefixPath(path, prefix string) (string, bool) {
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
