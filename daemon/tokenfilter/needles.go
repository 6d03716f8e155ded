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
	secrets  []redact.Secret
	families []family
	needles  []needle // the secrets of other forms
}

var searches = sync.Pool{New: func() any { return new(searched) }}

// prepare makes the secrets ready.
func (s *searched) prepare(now []redact.Secret) {
	*s = searched{secrets: slices.Clone(now)}
	for i, secret := range now {
		v := secret.Reveal()
		switch head := strings.Index(v, string(pattern)) + len(pattern); {
		case len(v) < minKnown, slices.Contains(now[:i], secret):
		case head >= needleSize:
			s.familyOf(v[:head]).add(newNeedle(v))
		default:
			s.needles = append(s.needles, newNeedle(v))
		}
	}
}

// familyOf returns the family of the tokens that begin with head.
func (s *searched) familyOf(head string) *family {
	for i := range s.families {
		if f := &s.families[i]; string(f.head.whole) == head {
			return f
		}
	}
	s.families = append(s.families, family{head: newNeedle(head)})
	return &s.families[len(s.families)-1]
}

// restart says that other bytes are searched now.
func (s *searched) restart() {
	for i := range s.families {
		s.families[i].clear = 0
	}
	for i := range s.needles {
		s.needles[i].clear = 0
	}
}

// moved says that the bytes which are searched moved to the front by that many.
func (s *searched) moved(by int) {
	for i := range s.families {
		s.families[i].clear -= by
	}
	for i := range s.needles {
		s.needles[i].clear -= by
	}
}

// first returns the offset in b of the first secret from offset from on, and its length,
// or -1. Of two that begin there it is the longer one. It does not look again at what an
// earlier call has ruled out.
func (s *searched) first(b []byte, from int, work *int) (at, size int) {
	at = -1
	for i := range s.families {
		if i, n := s.families[i].find(b, from, work); i >= 0 && (at < 0 || i < at || i == at && n > size) {
			at, size = i, n
		}
	}
	for i := range s.needles {
		n := &s.needles[i]
		if i := n.find(b, from, work); i >= 0 && (at < 0 || i < at || i == at && len(n.whole) > size) {
			at, size = i, len(n.whole)
		}
	}
	return at, size
}

// overlap returns the length of the longest end of b with which a secret begins.
func (s *searched) overlap(b []byte, work *int) (held int) {
	for i := range s.families {
		held = max(held, s.families[i].overlap(b, work))
	}
	for i := range s.needles {
		held = max(held, s.needles[i].overlap(b, work))
	}
	return held
}

// family are tokens with the same header, as a server's are. One search for the bytes in
// their header that are rarest elsewhere finds any number of them.
type family struct {
	head    needle // the header and the pattern after it
	tokens  []needle
	longest int // the length of the longest
	clear   int // no occurrence begins before this offset
}

func (f *family) add(n needle) {
	f.tokens = append(f.tokens, n)
	f.longest = max(f.longest, len(n.whole))
}

// find returns the offset in b of the first token from offset from on, and its length, or -1.
func (f *family) find(b []byte, from int, work *int) (at, size int) {
	part := f.head.whole[f.head.at : f.head.at+needleSize]
	f.clear = max(f.clear, from)
	unsure := -1 // the first beginning of a token that the next bytes may complete
	at = f.clear
	for ; at+f.head.at+needleSize <= len(b); at++ {
		i := bytes.Index(b[at+f.head.at:], part)
		if i < 0 {
			*work += len(b) - at - f.head.at
			at = len(b) - f.head.at - needleSize + 1
			break
		}
		*work += i + 1 + len(f.tokens)
		at += i
		rest := b[at:]
		for k := range f.tokens {
			switch n := &f.tokens[k]; {
			case len(n.whole) > len(rest):
				*work += len(rest) / needleSize // compared in words
				if unsure < 0 && bytes.HasPrefix(n.whole, rest) {
					unsure = at
				}
			case len(n.whole) > size && n.is(rest):
				*work += len(n.whole) / needleSize
				size = len(n.whole)
			}
		}
		if size > 0 {
			return at, size
		}
	}
	if f.clear = at; unsure >= 0 {
		f.clear = unsure
	}
	return -1, 0
}

// overlap returns the length of the longest end of b with which a token begins.
func (f *family) overlap(b []byte, work *int) int {
	tail := b[max(0, len(b)-f.longest+1):]
	start := f.head.whole[:3]
	*work += len(tail)
	for {
		i := bytes.Index(tail, start)
		if i < 0 {
			break
		}
		tail = tail[i:]
		for k := range f.tokens {
			if bytes.HasPrefix(f.tokens[k].whole, tail) {
				return len(tail)
			}
		}
		*work += len(f.tokens)
		tail = tail[1:]
	}
	for n := min(len(start)-1, len(tail)); n > 0; n-- {
		if bytes.HasSuffix(tail, start[:n]) {
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
