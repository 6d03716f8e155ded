package absfake

import (
	"math"
	"sort"
	"strings"
)

// span is a stretch of bytes, both ends included.
type span struct{ first, last int64 }

// Outcomes of parseRange, as the package range-parser 1.2 has them.
const (
	rangeFits = iota
	rangeUnsatisfiable
	rangeMalformed // no "=": taken as if there were no Range
)

// parseRange reads a Range header for a file of that size. Spans that overlap or
// touch become one; a span that makes no sense is passed over, and only if none
// is left the whole is unsatisfiable. A suffix longer than the file makes no
// sense here, unlike in RFC 9110.
func parseRange(size int64, header string) (spans []span, outcome int) {
	_, list, ok := strings.Cut(header, "=")
	if !ok {
		return nil, rangeMalformed
	}
	for item := range strings.SplitSeq(list, ",") {
		from, to, _ := strings.Cut(item, "-")
		to, _, _ = strings.Cut(to, "-")
		first, okFirst := leadingInt(from)
		last, okLast := leadingInt(to)
		switch {
		case !okFirst && !okLast:
			continue
		case !okFirst:
			first, last = size-last, size-1
		case !okLast:
			last = size - 1
		}
		last = min(last, size-1)
		if first > last || first < 0 {
			continue
		}
		spans = append(spans, span{first, last})
	}
	if len(spans) == 0 {
		return nil, rangeUnsatisfiable
	}
	return combine(spans), rangeFits
}

func combine(spans []span) []span {
	sort.SliceStable(spans, func(i, j int) bool { return spans[i].first < spans[j].first })
	out := spans[:1]
	for _, next := range spans[1:] {
		if end := &out[len(out)-1]; next.first > end.last+1 {
			out = append(out, next)
		} else {
			end.last = max(end.last, next.last)
		}
	}
	return out
}

// leadingInt is JavaScript's parseInt: leading blanks, a sign, then digits up to
// whatever follows. What is too large stays the largest there is.
func leadingInt(text string) (n int64, ok bool) {
	text = strings.TrimLeft(text, " \t\r\n\v\f")
	text = strings.TrimPrefix(text, "+")
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			break
		}
		ok = true
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64 / 16 // beyond every file, and safe to subtract
			continue
		}
		n = n*10 + int64(c-'0')
	}
	return n, ok
}
