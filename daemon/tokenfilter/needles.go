package tokenfilter

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"shelfkeeper/daemon/redact"
)

// searched are secrets, ready to be searched for. They are the same for most answers.
type searched struct {
	secrets []redact.Secret
	tokens  knownTokens
	needles []needle // the secrets of other forms
}

var searches = sync.Pool{New: func() any { return new(searched) }}

// prepare makes the secrets ready.
func (s *searched) prepare(now []redact.Secret) {
	s.secrets = slices.Clone(now)
	s.tokens, s.needles = knownTokens{list: s.tokens.list[:0]}, s.needles[:0]
	for i, secret := range now {
		v := secret.Reveal()
		switch dot := strings.Index(v, string(pattern)); {
		case len(v) < minKnown, slices.Contains(now[:i], secret):
		case dot >= 0 && strings.HasPrefix(v, string(tokenStart)):
			s.tokens.add(newNeedle(v), dot)
		default:
			s.needles = append(s.needles, newNeedle(v))
		}
	}
}

// restart says that other bytes are searched now.
func (s *searched) restart() {
	s.tokens.clear = 0
	for i := range s.needles {
		s.needles[i].clear = 0
	}
}

// moved says that the bytes which are searched moved to the front by that many.
func (s *searched) moved(by int) {
	s.tokens.clear -= by
	for i := range s.needles {
		s.needles[i].clear -= by
	}
}

// first returns the offset in b of the first secret from offset from on, and its length,
// or -1. It does not look again at what an earlier call has ruled out.
func (s *searched) first(b []byte, from int, work *int) (at, size int) {
	at, size = s.tokens.find(b, from, work)
	for i := range s.needles {
		n := &s.needles[i]
		if i := n.find(b, from, work); i >= 0 && (at < 0 || i < at || i == at && len(n.whole) > size) {
			at, size = i, len(n.whole)
		}
	}
	return at, size
}

// overlap returns the length of the longest end of b with which a secret begins.
func (s *searched) overlap(b []byte, work *int) int {
	held := s.tokens.overlap(b, work)
	for i := range s.needles {
		held = max(held, s.needles[i].overlap(b, work))
	}
	return held
}

// knownTokens are the secrets that are tokens of a server, as nearly all are. One search for
// what all of them contain finds any number of them.
type knownTokens struct {
	list     []knownToken
	longest  int // the length of the longest
	farthest int // the largest offset of the pattern in one of them
	clear    int // no pattern before this offset belongs to an occurrence
}

type knownToken struct {
	needle
	dot int // the offset of the first pattern in it
}

// tokenStart begins a token: its header is base64 of an object that begins with a name.
var tokenStart = []byte("eyJ")

func (t *knownTokens) add(n needle, dot int) {
	t.list = append(t.list, knownToken{n, dot})
	t.longest, t.farthest = max(t.longest, len(n.whole)), max(t.farthest, dot)
}

// find returns the offset in b of the first token from offset from on, and its length, or
// -1. Of two that begin there it is the longer one.
func (t *knownTokens) find(b []byte, from int, work *int) (at, size int) {
	at = -1
	if len(t.list) == 0 {
		return at, size
	}
	t.clear = max(t.clear, from)
	unsure := -1 // the first pattern of a token that the next bytes may complete
	for pos := t.clear; ; pos++ {
		i := bytes.Index(b[pos:], pattern)
		if i < 0 {
			*work += len(b) - pos
			break
		}
		*work += i + 1 + len(t.list)
		pos += i
		if at >= 0 && pos-t.farthest > at {
			return at, size // every further one begins later
		}
		for k := range t.list {
			n := &t.list[k]
			start := pos - n.dot
			switch {
			case start < from:
			case start+len(n.whole) > len(b):
				if unsure < 0 && bytes.HasPrefix(n.whole, b[start:]) {
					unsure = pos
				}
				*work += (len(b) - start) / needleSize // compared in words
			case at >= 0 && (start > at || start == at && len(n.whole) <= size):
			case n.is(b[start:]):
				at, size = start, len(n.whole)
				*work += size / needleSize
			}
		}
	}
	switch {
	case at >= 0:
	case unsure >= 0:
		t.clear = unsure
	default:
		t.clear = max(from, len(b)-len(pattern)+1)
	}
	return at, size
}

// overlap returns the length of the longest end of b with which a token begins.
func (t *knownTokens) overlap(b []byte, work *int) int {
	if len(t.list) == 0 {
		return 0
	}
	tail := b[max(0, len(b)-t.longest+1):]
	*work += len(tail)
	for {
		i := bytes.Index(tail, tokenStart)
		if i < 0 {
			break
		}
		tail = tail[i:]
		for k := range t.list {
			if bytes.HasPrefix(t.list[k].whole, tail) {
				return len(tail)
			}
		}
		*work += len(t.list)
		tail = tail[1:]
	}
	for n := min(len(tokenStart)-1, len(tail)); n > 0; n-- {
		if bytes.HasSuffix(tail, tokenStart[:n]) {
			return n
		}
	}
	return 0
}

// needle is a secret and the few bytes of it that are searched for. The tokens of one
// server begin alike, so bytes near the end with a rare letter are found fastest.
type needle struct {
	whole []byte
	at    int // the searched bytes are whole[at:at+needleSize]
	clear int // no occurrence begins before this offset
}

const needleSize = 8

func newNeedle(secret string) needle {
	n := needle{whole: []byte(secret)}
	end := len(secret) - needleSize
	from := max(0, end-32)
	n.at = end
	for _, rare := range []byte("QXZJKVWY_HGq") {
		if i := strings.IndexByte(secret[from:end+1], rare); i >= 0 {
			n.at = from + i
			break
		}
	}
	return n
}

// is reports whether b begins with n. It compares first where secrets differ most.
func (n *needle) is(b []byte) bool {
	return string(b[n.at:n.at+needleSize]) == string(n.whole[n.at:n.at+needleSize]) && string(b[:len(n.whole)]) == string(n.whole)
}

// find returns the offset in b of the first occurrence from offset from on, or -1.
// It never looks at bytes again that an earlier call has ruled out.
func (n *needle) find(b []byte, from int, work *int) int {
	part := n.whole[n.at : n.at+needleSize]
	n.clear = max(n.clear, from)
	for n.clear+len(n.whole) <= len(b) {
		i := bytes.Index(b[n.clear+n.at:], part)
		if i < 0 {
			*work += len(b) - n.clear - n.at
			// The last bytes may begin an occurrence.
			n.clear = len(b) - len(n.whole) + 1
			return -1
		}
		*work += i + 1
		n.clear += i
		if b := b[n.clear:]; len(b) < len(n.whole) {
			return -1
		} else if string(b[:len(n.whole)]) == string(n.whole) {
			return n.clear
		}
		*work += len(n.whole) / needleSize // compared in words
		n.clear++
	}
	return -1
}

// overlap returns the length of the longest end of b with which n begins.
func (n *needle) overlap(b []byte, work *int) int {
	tail := b[max(0, len(b)-len(n.whole)+1):]
	for {
		i := bytes.IndexByte(tail, n.whole[0])
		if i < 0 {
			*work += len(tail)
			return 0
		}
		*work += i + 1
		if tail = tail[i:]; bytes.HasPrefix(n.whole, tail) {
			return len(tail)
		}
		tail = tail[1:]
	}
}
