package stream

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// fileKept is how long a file counts as one that is under way after somebody was
	// sent a part of it. A player that pauses asks again from where it was.
	fileKept = 30 * time.Minute
	// maxFiles bounds what is remembered: a book in parts has some hundred.
	maxFiles = 256
)

// Files are the files that players were sent of late. A request for one of them is held
// for longer than another, and its answer may begin before the server is back. It is
// safe for concurrent use; the zero value is empty.
type Files struct {
	mu    sync.Mutex
	known map[string]*knownFile
}

type knownFile struct {
	work   string // the book or the session of which it is a part
	is     version
	header http.Header // of an answer, without what belongs to one part
	last   time.Time
}

// Learn remembers the file in resp under key, as a part of work, where its remainder
// could be requested. header is that of the player's answer.
func (f *Files) Learn(key, work string, resp *http.Response, header http.Header) {
	is, _, ok := versionOf(resp)
	if !ok {
		return
	}
	kept := maps.Clone(header)
	for _, name := range []string{"Content-Range", "Content-Length", "Date"} {
		delete(kept, name)
	}
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[string]*knownFile{}
	}
	if _, there := f.known[key]; !there && len(f.known) >= maxFiles {
		oldest := ""
		for k, one := range f.known {
			if oldest == "" || one.last.Before(f.known[oldest].last) {
				oldest = k
			}
		}
		delete(f.known, oldest)
	}
	f.known[key] = &knownFile{work: work, is: is, header: kept, last: now}
}

// UnderWay reports whether somebody was sent something of that work of late. A player of
// a book in parts, or of a transcode in segments, asks for a file that it has not had yet.
func (f *Files) UnderWay(work string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.known {
		if one.work == work && time.Since(one.last) < fileKept {
			return true
		}
	}
	return false
}

// Head returns the head of the answer to r, a GET for the file of that key, as the
// server gave it the last time. It reports false where that head cannot be foretold.
func (f *Files) Head(key string, r *http.Request) (h Head, ok bool) {
	f.mu.Lock()
	one := f.known[key]
	f.mu.Unlock()
	if one == nil || time.Since(one.last) >= fileKept {
		return h, false
	}
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if r.Header[name] != nil {
			return h, false
		}
	}
	if condition := r.Header.Get("If-Range"); condition != "" && condition != one.is.condition() {
		return h, false
	}
	h = Head{Status: http.StatusOK, Header: maps.Clone(one.header), is: one.is, part: Span{0, one.is.total}}
	if wanted := r.Header["Range"]; len(wanted) > 0 {
		part, good := parseRange(wanted, one.is.total)
		if !good {
			return h, false
		}
		h.Status, h.part = http.StatusPartialContent, part
		h.Header.Set("Content-Range", "bytes "+strconv.FormatInt(part.From, 10)+"-"+strconv.FormatInt(part.End-1, 10)+
			"/"+strconv.FormatInt(one.is.total, 10))
	}
	h.Header.Set("Content-Length", strconv.FormatInt(h.part.End-h.part.From, 10))
	return h, true
}

// Head is the head of an answer that the server has not given yet.
type Head struct {
	Status int
	Header http.Header
	is     version
	part   Span
}

// Begun returns the body to a head that was sent before the server has answered. It
// comes only from the version that the head names.
func Begun(ctx context.Context, h Head, src Source) *Body {
	return &Body{src: src, ctx: ctx, is: h.is, at: h.part.From, end: h.part.End}
}

// parseRange reads a single range of a file: "bytes=5-", "bytes=5-9" or "bytes=-5".
func parseRange(values []string, total int64) (Span, bool) {
	if len(values) != 1 {
		return Span{}, false
	}
	text, ok := strings.CutPrefix(values[0], "bytes=")
	first, last, dash := strings.Cut(text, "-")
	if !ok || !dash || strings.Contains(text, ",") {
		return Span{}, false
	}
	end := total
	if last != "" {
		to, err := strconv.ParseUint(last, 10, 62)
		if err != nil {
			return Span{}, false
		}
		if first == "" { // the last bytes
			from := max(0, total-int64(to))
			return Span{from, total}, from < total
		}
		end = min(int64(to)+1, total)
	}
	from, err := strconv.ParseUint(first, 10, 62)
	return Span{int64(from), end}, err == nil && int64(from) < end
}
