package dashboard

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
)

// Cookies ignore ports: a browser sends that of http://localhost:13380 to
// whatever else answers at localhost, the server of another user of this machine
// included. Where the system tells who is at the far end of a connection, such a
// cookie is of no use to the other user. Where it does not, the cookie alone lets
// somebody in. Then the page lies below a path that nobody can guess, and so does
// its cookie: a browser sends it with that path only, and no other port learns the
// path, since the page names it to no other origin (Referrer-Policy).

// prefixLen is the length of the path's secret part: 132 bits.
const prefixLen = 22

// prefix returns the path below which the page of a session lies.
func (k *sessions) prefix(s session) string {
	return "/" + base64.RawURLEncoding.EncodeToString(k.mac("path\n", s.id[:]))[:prefixLen]
}

// cutPrefix takes what may be such a path off the request's own.
func (r *request) cutPrefix() {
	rest, ok := strings.CutPrefix(r.URL.Path, "/")
	first, below, found := strings.Cut(rest, "/")
	if !ok || !found || len(first) != prefixLen {
		return
	}
	own, u := *r.Request, *r.URL
	u.Path, u.RawPath = "/"+below, ""
	if raw, ok := strings.CutPrefix(r.URL.RawPath, "/"+first); ok {
		u.RawPath = raw
	}
	own.URL = &u
	r.Request, r.prefix = &own, "/"+first
}

// withPrefix is a ResponseWriter that leads on below the request's own path.
type withPrefix struct {
	http.ResponseWriter
	prefix string
}

func (w withPrefix) WriteHeader(status int) {
	if to := w.Header().Get("Location"); strings.HasPrefix(to, "/") && !strings.HasPrefix(to, w.prefix+"/") {
		w.Header().Set("Location", w.prefix+to)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w withPrefix) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ownAddresses are how our templates begin an address of the page. What comes
// from outside cannot look so: its quotes are escaped.
var ownAddresses = []string{` href="/`, ` action="/`, ` formaction="/`, ` src="/`, ` data-restart="/`, ` content="6; url=/`}

// below returns a page whose addresses lie below prefix.
func below(page []byte, prefix string) []byte {
	for _, begin := range ownAddresses {
		page = bytes.ReplaceAll(page, []byte(begin), []byte(begin[:len(begin)-1]+prefix+"/"))
	}
	return page
}
