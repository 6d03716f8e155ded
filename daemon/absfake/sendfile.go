package absfake

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// sendChunk is how much of a file is read at once.
const sendChunk = 64 << 10

// fileETag is made of size and time of change, both in hexadecimal.
func fileETag(f *File) string {
	return fmt.Sprintf(`W/"%x-%x"`, f.Size, f.Modified.UnixMilli())
}

// sendFile serves a file as the package send 0.18 does; refusals become pages.
func sendFile(w http.ResponseWriter, r *http.Request, f *File) {
	if status := transfer(w, r, f); status != 0 {
		page(w, r, status, "")
	}
}

// transfer serves the file or returns the status with which to refuse. Headers
// that were set by then stay, as they do there: a 416 has the file's ETag.
func transfer(w http.ResponseWriter, r *http.Request, f *File) (refused int) {
	h := w.Header()
	h.Set("Accept-Ranges", "bytes")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "public, max-age=0")
	}
	h.Set("Last-Modified", f.Modified.UTC().Format(http.TimeFormat))
	h.Set("ETag", fileETag(f))
	h.Set("Content-Type", f.MIME)
	if preconditionFails(r, h) {
		return http.StatusPreconditionFailed
	}
	if fresh(r, h) {
		notModified(w)
		return 0
	}
	part, status := span{0, f.Size - 1}, http.StatusOK
	if header := r.Header.Get("Range"); strings.HasPrefix(strings.TrimLeft(header, " "), "bytes=") && rangeFresh(r, h) {
		spans, outcome := parseRange(f.Size, header)
		switch {
		case outcome == rangeUnsatisfiable:
			h.Set("Content-Range", fmt.Sprintf("bytes */%d", f.Size))
			return http.StatusRequestedRangeNotSatisfiable
		case outcome == rangeFits && len(spans) == 1: // several: the whole file, never multipart
			part, status = spans[0], http.StatusPartialContent
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.first, part.last, f.Size))
		}
	}
	h.Set("Content-Length", strconv.FormatInt(part.last-part.first+1, 10))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return 0
	}
	buffer := make([]byte, min(sendChunk, part.last-part.first+1))
	for at := part.first; at <= part.last; {
		n, err := f.ReadAt(buffer[:min(int64(len(buffer)), part.last-at+1)], at)
		if n == 0 && err != nil {
			return 0 // cannot be: the files are as long as they say
		}
		if _, err := w.Write(buffer[:n]); err != nil {
			return 0 // the client has gone
		}
		at += int64(n)
	}
	return 0
}

// preconditionFails is If-Match and If-Unmodified-Since.
func preconditionFails(r *http.Request, h http.Header) bool {
	if match := r.Header.Get("If-Match"); match != "" {
		return match != "*" && !etagListed(match, h.Get("ETag"))
	}
	if since := r.Header.Get("If-Unmodified-Since"); since != "" {
		limit, err := http.ParseTime(since)
		modified, err2 := http.ParseTime(h.Get("Last-Modified"))
		return err == nil && err2 == nil && modified.After(limit)
	}
	return false
}

// rangeFresh is If-Range. A weak ETag counts here, against RFC 9110.
func rangeFresh(r *http.Request, h http.Header) bool {
	condition := r.Header.Get("If-Range")
	if condition == "" {
		return true
	}
	if strings.Contains(condition, `"`) {
		return strings.Contains(condition, h.Get("ETag"))
	}
	limit, err := http.ParseTime(condition)
	modified, err2 := http.ParseTime(h.Get("Last-Modified"))
	return err == nil && err2 == nil && !modified.After(limit)
}
