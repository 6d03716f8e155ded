package stream

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// minAge is how old a file must be before its date alone identifies its version: the
// date has seconds only (RFC 9110, 8.8.2.2).
const minAge = time.Minute

// version identifies one state of a file.
type version struct {
	tag      string
	modified string
	kind     string // Content-Type
	total    int64
}

// Span is a part of a file, without the byte at End.
type Span struct{ From, End int64 }

// versionOf returns the version of the file in resp, and the part of it. It reports
// false when the remainder cannot be requested, or cannot be distinguished from that of
// another version.
func versionOf(resp *http.Response) (version, Span, bool) {
	h := resp.Header
	v := version{tag: h.Get("Etag"), modified: h.Get("Last-Modified"), kind: h.Get("Content-Type")}
	if v.tag == "" && !longModified(h) {
		return v, Span{}, false
	}
	// Offsets count encoded bytes, and another compression gives other bytes.
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return v, Span{}, false
	}
	if resp.ContentLength <= 0 {
		return v, Span{}, false
	}
	switch resp.StatusCode {
	case http.StatusOK:
		v.total = resp.ContentLength
		return v, Span{0, v.total}, true
	case http.StatusPartialContent:
		part, total, ok := parseContentRange(h.Get("Content-Range"))
		v.total = total
		return v, part, ok && part.End-part.From == resp.ContentLength
	}
	return v, Span{}, false
}

func longModified(h http.Header) bool {
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	date, err2 := http.ParseTime(h.Get("Date"))
	return err == nil && err2 == nil && date.Sub(modified) >= minAge
}

// condition is the value of If-Range. Audiobookshelf accepts its weak tags there, in
// contrast to RFC 9110 (measured on 2.26.3 to 2.36.0). A server that does not accept
// them answers with the whole file, which also works.
func (v version) condition() string {
	if v.tag != "" {
		return v.tag
	}
	return v.modified
}

// same reports whether v and o are one version.
func (v version) same(o version) bool {
	return v.tag == o.tag && v.modified == o.modified && v.total == o.total
}

// parseContentRange reads "bytes 0-99/1000". It refuses ranges of unknown total.
func parseContentRange(value string) (part Span, total int64, ok bool) {
	value, ok = strings.CutPrefix(value, "bytes ")
	if !ok {
		return part, 0, false
	}
	stretch, size, _ := strings.Cut(value, "/")
	first, last, _ := strings.Cut(stretch, "-")
	from, err1 := strconv.ParseUint(first, 10, 62)
	to, err2 := strconv.ParseUint(last, 10, 62)
	all, err3 := strconv.ParseUint(size, 10, 62)
	if err1 != nil || err2 != nil || err3 != nil || from > to || to >= all {
		return part, 0, false
	}
	return Span{int64(from), int64(to) + 1}, int64(all), true
}
