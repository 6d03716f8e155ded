package absfake

import (
	"embed"
	"net/http"
	"strings"
	"sync"
)

// realRoutes are the routes under /api of two real releases, one a line (abs:
// server/routers/ApiRouter.js). Package proxy's tests hold the same lists.
//
//go:embed realroutes
var realRoutes embed.FS

var routesOfReal = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for _, release := range []string{"2.26.3", "2.36.0"} {
		text, err := realRoutes.ReadFile("realroutes/apiroutes-" + release + ".txt")
		if err != nil {
			panic(err) // it is compiled in
		}
		all[release] = strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	return all
})

// realHas reports whether a real server of the release has a route.
func (s *Server) realHas(method string, segments []string) bool {
	for _, line := range routes {
		if _, ok := match(line.pattern, segments); ok && line.method == method {
			return false // the double knows it, of another release
		}
	}
	release := "2.26.3"
	if s.facts.sessionsAPI {
		release = "2.36.0"
	}
	for _, line := range routesOfReal()[release] {
		verb, pattern, _ := strings.Cut(line, " ")
		if _, ok := match(pattern, segments); ok && (verb == method || verb == http.MethodGet && method == http.MethodHead) {
			return true
		}
	}
	return false
}

// notKnown answers what a real server has and the double has not, so that a client's
// trouble with the double is told from the server's word.
func (s *Server) notKnown(w http.ResponseWriter, q *request) {
	s.ledger.missing(q.Method + " " + q.path)
	page(w, q.Request, http.StatusNotImplemented,
		"Cannot "+q.Method+" "+q.URL.EscapedPath()+": the double of Audiobookshelf does not know this route")
}
