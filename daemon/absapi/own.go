package absapi

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // it is Express's, and protects nothing
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Origin says whose an answer is.
type Origin int

// The origins.
const (
	// Unsure is an answer that Audiobookshelf and a gateway give alike.
	Unsure Origin = iota
	// Own is an answer of Audiobookshelf's.
	Own
	// Foreign is an answer of something between here and Audiobookshelf.
	Foreign
)

// PeekSize is how much of a small body OriginOf needs at most.
const PeekSize = 4 << 10

// OriginOf judges the answer to a player's request for a path of the server, without
// its base path. body is the whole body where it has at most PeekSize bytes, or its
// beginning.
func OriginOf(method, path string, status int, header http.Header, body []byte) Origin {
	path = strings.ToLower(path)
	a := reply{status: status, header: header, body: body}
	switch {
	case status == http.StatusUnauthorized && header.Get("Www-Authenticate") == "" && isBareText(a, "Unauthorized"):
		return Own
	case header.Get("Www-Authenticate") != "" && status == http.StatusUnauthorized:
		return Foreign
	case marked(path, a):
		return Own
	case status/100 == 5 && status != http.StatusInternalServerError && status != http.StatusNotImplemented,
		status == http.StatusProxyAuthRequired, status == http.StatusNetworkAuthenticationRequired, status == 494:
		return Foreign
	case status == http.StatusNotModified, status == http.StatusRequestedRangeNotSatisfiable && header.Get("Content-Range") != "":
		return Unsure
	case status/100 == 3:
		if isAPI(path) {
			return Foreign // no route of the API redirects
		}
		return Unsure
	case status/100 == 2:
		return ofSuccess(method, path, a)
	case isPage(a), gateway(a) != "":
		return Foreign
	case status == http.StatusForbidden, status == http.StatusTooManyRequests, status == http.StatusRequestEntityTooLarge,
		status == http.StatusUnauthorized && method != http.MethodHead:
		return Foreign // of Audiobookshelf's own each has a mark
	}
	return Unsure
}

// ofSuccess judges an answer of the 2xx.
func ofSuccess(method, path string, a reply) Origin {
	switch {
	case !isAPI(path), method == http.MethodHead:
		return Unsure // a page is a page
	case isHTML(a.header) && !strings.Contains(path, "/file/") && !strings.HasSuffix(path, "/ebook"),
		isHTML(a.header) && a.header.Get("Accept-Ranges") == "":
		return Foreign
	case path == "/ping" || path == "/healthcheck":
		return Unsure // a gateway may answer these itself
	case path == "/status":
		if _, ok := decodeStatus(a.body); ok {
			return Own
		}
		return Foreign
	case isMedia(a.header):
		return Own
	}
	return Unsure
}

// isMedia reports what no page of a gateway is: JSON, pictures, sounds, files.
func isMedia(h http.Header) bool {
	text := h.Get("Content-Type")
	if text == usualJSON {
		return true
	}
	kind, _, err := mime.ParseMediaType(text)
	if err != nil || kind == "text/html" || kind == "application/xhtml+xml" {
		return false
	}
	for _, prefix := range []string{"application/", "audio/", "image/", "video/"} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

// Judge judges the answer to a player's request for a path of the server, and says what
// stands in the way where it is not Audiobookshelf's. It reads the beginning of a small
// body, which stays whole for whoever reads it next.
func Judge(path string, resp *http.Response) (Origin, Obstacle) {
	if ownAtSight(path, resp) {
		return Own, Obstacle{}
	}
	var body []byte
	if resp.StatusCode/100 > 2 || resp.ContentLength >= 0 && resp.ContentLength <= PeekSize || isHTML(resp.Header) {
		body = peek(resp)
	}
	method := ""
	if resp.Request != nil {
		method = resp.Request.Method
	}
	origin := OriginOf(method, path, resp.StatusCode, resp.Header, body)
	if origin != Foreign {
		return origin, Obstacle{}
	}
	return origin, AnswerObstacle(resp.StatusCode, resp.Header, body)
}

// ownAtSight reports a success whose header alone shows that it is Audiobookshelf's.
// Nearly all answers are of that kind. OriginOf judges them alike.
func ownAtSight(path string, resp *http.Response) bool {
	if resp.StatusCode/100 != 2 {
		return false
	}
	path = strings.ToLower(path)
	if markedHeader(path, resp.Header) {
		return true
	}
	read := resp.Request == nil || resp.Request.Method != http.MethodHead
	return read && strings.HasPrefix(path, "/api/") && isMedia(resp.Header)
}

// peek returns the beginning of a body and leaves it whole. An error of the body comes
// to whoever reads on.
func peek(resp *http.Response) []byte {
	if resp.Body == nil {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, PeekSize))
	var rest io.Reader = resp.Body
	if err != nil {
		rest = failed{err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), resp.Body}
	return body
}

// failed is what is left of a body that broke.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// marked reports what only Audiobookshelf's program leaves on an answer: the ETag of a
// body as Express makes it, its page of errors, the header about frames, or those of its
// limiter (abs: server/Server.js, server/utils/rateLimiterFactory.js).
func marked(path string, a reply) bool {
	if markedHeader(path, a.header) {
		return true
	}
	if tag := a.header.Get("Etag"); tag != "" && tag == expressTag(a.body) {
		return true
	}
	return bytes.HasPrefix(a.body, expressError)
}

var expressError = []byte("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
	"<title>Error</title>\n</head>\n<body>\n<pre>")

func markedHeader(path string, h http.Header) bool {
	if strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'self'") && !(isHTML(h) && isAPI(path)) {
		return true
	}
	return h.Get("Ratelimit-Policy") != ""
}

// expressTag is the weak ETag that Express makes of a body (npm: etag).
func expressTag(body []byte) string {
	sum := sha1.Sum(body)
	return `W/"` + strconv.FormatInt(int64(len(body)), 16) + "-" + base64.StdEncoding.EncodeToString(sum[:])[:27] + `"`
}

// isAPI reports a path under which the server has no page: what players ask for.
func isAPI(path string) bool {
	switch path {
	case "/ping", "/status", "/healthcheck", "/login", "/logout":
		return true
	}
	for _, prefix := range []string{"/api/", "/auth/", "/public/", "/hls/", "/socket.io/"} {
		if strings.HasPrefix(path, prefix) {
			return !strings.HasPrefix(path, "/public/session/") && !strings.HasPrefix(path, "/auth/openid") || prefix == "/api/"
		}
	}
	return false
}

// isPage reports a page: the server sends many of its texts with the type of one.
func isPage(a reply) bool {
	return isHTML(a.header) && (len(a.body) == 0 || strings.HasPrefix(strings.TrimSpace(string(a.body)), "<"))
}

// usualJSON is the type that Express gives to JSON.
const usualJSON = "application/json; charset=utf-8"

func isHTML(h http.Header) bool {
	text := h.Get("Content-Type")
	if text == usualJSON {
		return false
	}
	kind, _, err := mime.ParseMediaType(text)
	return err == nil && (kind == "text/html" || kind == "application/xhtml+xml")
}
