package absapi

import (
	"net/http"
	"strings"
	"testing"
)

// No answer that a real server gave is taken for a gateway's, and no answer of a gateway
// for the server's.
func TestOriginOfRecordedAnswers(t *testing.T) {
	r := load(t)
	for _, c := range r.Refused {
		path, _, _ := strings.Cut(strings.TrimPrefix(c.Path, "/audiobookshelf"), "?")
		header := headerOf(c.Header)
		if header.Get("Content-Type") != "" {
			header.Set("Etag", expressTag([]byte(c.Body))) // the records leave it out
		}
		if got := OriginOf(c.Method, path, c.Status, header, []byte(c.Body)); got == Foreign {
			t.Errorf("%s: %s %s %d %v %q", c.Case, c.Method, c.Path, c.Status, c.Header, c.Body)
		}
	}
	for _, c := range r.Accepted {
		if got := OriginOf("GET", "/api/"+c.Op, 200, headerOf(c.Header), c.Body); got == Foreign {
			t.Errorf("%s: %v", c.Case, c.Header)
		}
	}
	for _, c := range foreignAnswers {
		for _, path := range []string{"/api/me", "/api/session/1/sync", "/api/items/1/file/2"} {
			got := OriginOf("GET", path, c.status, headerOf(c.header), []byte(c.body))
			// What says nothing of itself may be anybody's, and so may JSON.
			unsure := got == Unsure && (len(c.body) == 0 || c.status == 200 || c.status == 410)
			if got != Foreign && !unsure && c.header["Content-Type"] != "application/json" && c.header["Content-Type"] != "text/plain" {
				t.Errorf("%s at %s: %v", c.desc, path, got)
			}
		}
	}
}

// What players meet most, at the routes where the two differ.
func TestOriginOf(t *testing.T) {
	const page = "<html><title>Sign in</title>"
	html, text := map[string]string{"Content-Type": "text/html"}, map[string]string{"Content-Type": "text/plain; charset=utf-8"}
	csp := map[string]string{"Content-Type": "text/html", "Content-Security-Policy": "frame-ancestors 'self'"}
	tagged := map[string]string{"Content-Type": "text/plain; charset=utf-8", "Etag": `W/"9-PatfYBLj4Um1qTm5zrukoLhNyPU"`}
	for _, c := range []struct {
		desc, path string
		status     int
		header     map[string]string
		body       string
		want       Origin
	}{
		{"a page where JSON belongs", "/api/me", 200, html, page, Foreign},
		{"the same with the server's header", "/api/me", 200, csp, page, Foreign},
		{"a page where pages belong", "/", 200, html, page, Unsure},
		{"the server's own page", "/", 200, csp, page, Own},
		{"a page at /ping", "/ping", 200, html, page, Foreign},
		{"OK at /ping", "/ping", 200, text, "OK", Unsure},
		{"JSON", "/api/me", 200, map[string]string{"Content-Type": "application/json; charset=utf-8"}, `{"id":"1"}`, Own},
		{"a picture", "/api/items/1/cover", 200, map[string]string{"Content-Type": "image/webp"}, "x", Own},
		{"sound", "/public/session/1/track/1", 206, map[string]string{"Content-Type": "audio/mpeg"}, "x", Unsure},
		{"a book's file that is a page", "/api/items/1/file/2", 200,
			map[string]string{"Content-Type": "text/html", "Accept-Ranges": "bytes"},
			page, Unsure},
		{"a sign-in page at a file", "/api/items/1/file/2", 200, html, page, Foreign},
		{"/status of another program", "/status", 200, map[string]string{"Content-Type": "application/json"}, `{"ok":true}`, Foreign},
		{"the server's refusal", "/api/me", 401, nil, "Unauthorized", Own},
		{"the server's refusal through Caddy", "/api/me", 401, text, "Unauthorized", Own},
		{"oauth2-proxy's", "/api/me", 401, map[string]string{"Content-Type": "application/json"}, "{}", Foreign},
		{"403 of the server", "/api/users", 403, tagged, "Forbidden", Own},
		{"bare 403", "/api/users", 403, text, "Forbidden", Foreign},
		{"empty 403", "/api/users", 403, nil, "", Foreign},
		{"a redirect of the API", "/api/me", 302, map[string]string{"Location": "/login"}, "", Foreign},
		{"a track's redirect", "/public/session/1/track/1", 302, map[string]string{"Location": "/hls/1/output.m3u8"}, "", Unsure},
		{"Express's page", "/api/nope", 404, map[string]string{"Content-Type": "text/html; charset=utf-8"},
			"<!DOCTYPE html>\n<html lang=\"en\">\n" +
				"<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>Cannot GET /api/nope</pre>\n</body>\n</html>\n",
			Own},
		{"nginx's 404", "/api/me", 404, map[string]string{"Server": "nginx", "Content-Type": "text/html"}, "<title>404 Not Found</title>",
			Foreign},
		{"416 with a page, as the server has it", "/api/items/1/file/2", 416,
			map[string]string{"Content-Range": "bytes */5", "Content-Type": "text/html"},
			"<title>Error</title>", Unsure},
		{"413 of nginx", "/api/upload", 413, map[string]string{"Server": "nginx", "Content-Type": "text/html"}, "<title>413</title>",
			Foreign},
		{"530", "/api/me", 530, map[string]string{"Server": "cloudflare"}, "error code: 1033", Foreign},
		{"500 of the server", "/api/me", 500, text, "Internal Server Error", Unsure},
	} {
		if got := OriginOf(http.MethodGet, c.path, c.status, headerOf(c.header), []byte(c.body)); got != c.want {
			t.Errorf("%s: %v, want %v", c.desc, got, c.want)
		}
	}
}
