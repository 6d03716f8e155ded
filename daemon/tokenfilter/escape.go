package tokenfilter

// element is one character of a document: a byte or a JSON escape.
type element struct {
	c    byte // its value, when part is true
	size int  // in raw bytes; 0 when more bytes are needed
	part bool // a token can contain it
}

// elementAt reads the element at the start of b, which is not empty. The document
// ends with b when last is true.
func elementAt(b []byte, escapes, last bool) element {
	if b[0] != '\\' || !escapes {
		return element{b[0], 1, alphabet[b[0]]}
	}
	return escapeAt(b, last)
}

// escapeAt reads the escape at the start of b. A backslash that begins no valid escape
// is an element of its own, so that the following bytes are examined too.
func escapeAt(b []byte, last bool) element {
	alone := element{c: '\\', size: 1}
	if len(b) == 1 {
		if last {
			return alone
		}
		return element{}
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return element{size: 2} // no token contains one of these
	case 'u':
	default:
		return alone
	}
	code := 0
	for i := 2; i < 6; i++ {
		if i == len(b) {
			if last {
				return alone
			}
			return element{}
		}
		d := hexDigit(b[i])
		if d < 0 {
			return alone
		}
		code = code<<4 | d
	}
	if code < len(alphabet) && alphabet[code] {
		return element{byte(code), 6, true}
	}
	return element{size: 6}
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
