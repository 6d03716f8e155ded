package absfake

import (
	"bytes"
	"html"
	"image"
	"image/png"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// webPages are the paths that the web client answers with its page; without a
// slash at the end they lead to the one with it, as express.static does.
var webPages = []string{"/", "/login", "/config", "/library", "/account"}

// webPage stands for the real web client's.
const webPage = "<!doctype html>\n<html lang=\"en\">\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Audiobookshelf</title>\n  " +
	"</head>\n" +
	"  <body><p>This is a double of an Audiobookshelf server, for tests. It has no web client.</p></body>\n</html>\n"

// web answers for the web client, and says whether the path is one of its own.
func (s *Server) web(w http.ResponseWriter, q *request) bool {
	if !s.cfg.WebClient || (q.Method != http.MethodGet && q.Method != http.MethodHead) {
		return false
	}
	if f := webFile(path.Clean(q.path)); f != nil {
		sendFile(w, q.Request, f)
		return true
	}
	at, known := q.URL.Path, false
	for _, page := range webPages {
		known = known || path.Clean(q.path) == page
	}
	switch {
	case !known:
		return false
	case !strings.HasSuffix(at, "/"):
		movedPermanently(w, q.Request, at+"/")
	default:
		page := webPage
		if s.cfg.WebPage != nil {
			page = s.cfg.WebPage(s)
		}
		f := &File{
			MIME: "text/html; charset=UTF-8", Size: int64(len(page)), Modified: libraryTime, ReaderAt: strings.NewReader(page),
		}
		sendFile(w, q.Request, f)
	}
	return true
}

// WebApp is a page that can be installed as the real web client can: it names a manifest
// and registers a service worker (abs: client/nuxt.config.js, pwa). Its service worker
// keeps nothing; the real one loads its library from a site of the internet.
const WebApp = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Audiobookshelf</title>
<link rel="manifest" href="/_nuxt/manifest.json"><link rel="icon" href="/icon192.png"></head>
<body><p>This is a double of an Audiobookshelf server, for tests.</p>
<script>navigator.serviceWorker.register("/sw.js")</script></body></html>
`

// webFile is a file that WebApp needs; nil for none.
func webFile(name string) *File {
	var kind, text string
	switch name {
	case "/_nuxt/manifest.json":
		kind, text = "application/json; charset=UTF-8", `{"name":"Audiobookshelf","short_name":"Audiobookshelf",
"icons":[{"src":"/icon192.png","type":"image/png","sizes":"192x192"}],"start_url":"/?standalone=true","display":"standalone",
"background_color":"#232323","theme_color":"#232323","lang":"en"}`
	case "/sw.js":
		kind, text = "application/javascript; charset=UTF-8", `self.addEventListener("fetch", () => {})`
	case "/icon192.png":
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 192, 192))); err != nil {
			panic(err) // no buffer is full
		}
		kind, text = "image/png", b.String()
	default:
		return nil
	}
	return &File{MIME: kind, Size: int64(len(text)), Modified: libraryTime, ReaderAt: strings.NewReader(text)}
}

// movedPermanently is the redirect of express.static for a folder.
func movedPermanently(w http.ResponseWriter, r *http.Request, to string) {
	link := html.EscapeString(to)
	body := "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Redirecting</title>\n</head>\n<body>\n" +
		"<pre>Redirecting to <a href=\"" + link + "\">" + link + "</a></pre>\n</body>\n</html>\n"
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Location", to)
	h.Set("Content-Type", "text/html; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusMovedPermanently)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // a client that has gone is noticed by the server itself
	}
}
