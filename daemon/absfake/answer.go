package absfake

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// This file writes answers as Express 4.18 does: a client sees which headers are
// there and which are missing.

const (
	typeJSON = "application/json; charset=utf-8"
	typeText = "text/plain; charset=utf-8"
	typeHTML = "text/html; charset=utf-8"
)

// weakETag is the ETag Express gives to a body.
func weakETag(body []byte) string {
	sum := sha1.Sum(body)
	return `W/"` + strconv.FormatInt(int64(len(body)), 16) + "-" + base64.StdEncoding.EncodeToString(sum[:])[:27] + `"`
}

// send is res.send: content type, length, ETag, and 304 where the client has it.
func send(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("ETag", weakETag(body))
	if status < 300 && fresh(r, h) {
		notModified(w)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that has gone is noticed by the server itself
	}
}

func sendJSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	send(w, r, status, typeJSON, toJSON(v))
}

// sendStatus is res.sendStatus: the status in words, as plain text.
func sendStatus(w http.ResponseWriter, r *http.Request, status int) {
	send(w, r, status, typeText, []byte(statusText(status)))
}

// sendText is res.status(n).send("text"), which Express takes for HTML.
func sendText(w http.ResponseWriter, r *http.Request, status int, text string) {
	send(w, r, status, typeHTML, []byte(text))
}

func statusText(status int) string {
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		return "Range Not Satisfiable" // Go has the older name
	default:
		return http.StatusText(status)
	}
}

func notModified(w http.ResponseWriter) {
	h := w.Header()
	h.Del("Content-Type")
	h.Del("Content-Length")
	w.WriteHeader(http.StatusNotModified)
}

// bare is how Passport refuses: the status in words, and no content type.
func bare(w http.ResponseWriter, r *http.Request, status int) {
	text := statusText(status)
	h := w.Header()
	h["Content-Type"] = nil // keeps net/http from guessing one
	if !knownToExpressSession(r) {
		h.Set("Content-Length", strconv.Itoa(len(text)))
		if r.Method == http.MethodHead {
			h.Del("Content-Length")
		}
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	if knownToExpressSession(r) {
		flush(w) // express-session touches the session first, so the answer is chunked
	}
	_, _ = w.Write([]byte(text))
}

// page is the error page of Express' final handler.
func page(w http.ResponseWriter, r *http.Request, status int, text string) {
	if text == "" {
		text = statusText(status)
	}
	body := "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>" +
		html.EscapeString(text) + "</pre>\n</body>\n</html>\n"
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", typeHTML)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body))
	}
}

// notFound is the page for a path without a route.
func notFound(w http.ResponseWriter, r *http.Request) {
	page(w, r, http.StatusNotFound, fmt.Sprintf("Cannot %s %s", r.Method, r.URL.EscapedPath()))
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

// cookie of Express: name and value first, the attributes in its order.
func addCookie(w http.ResponseWriter, cookie string) { w.Header().Add("Set-Cookie", cookie) }

// fresh tells whether the client's copy is still good, for GET and HEAD, as the
// package "fresh" 0.5.2 does.
func fresh(r *http.Request, answer http.Header) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	none, since := r.Header.Get("If-None-Match"), r.Header.Get("If-Modified-Since")
	if none == "" && since == "" {
		return false
	}
	if strings.Contains(r.Header.Get("Cache-Control"), "no-cache") {
		return false
	}
	if none != "" && none != "*" && !etagListed(none, answer.Get("ETag")) {
		return false
	}
	if since != "" {
		modified, err := http.ParseTime(answer.Get("Last-Modified"))
		limit, err2 := http.ParseTime(since)
		if err != nil || err2 != nil || modified.After(limit) {
			return false
		}
	}
	return true
}

// etagListed compares weakly.
func etagListed(list, etag string) bool {
	if etag == "" {
		return false
	}
	for candidate := range strings.SplitSeq(list, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == etag || candidate == "W/"+etag || "W/"+candidate == etag {
			return true
		}
	}
	return false
}
