package proxy

import (
	"errors"
	"net/http"

	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/route"
	"shelfkeeper/daemon/proxy/stream"
)

// repeatRoutes are POSTs that may be sent twice: the first two only read, and
// a playback session that is opened twice is closed by the second opening or
// by the server's nightly round (measured on 2.36.0; abs:
// server/managers/PlaybackSessionManager.js).
var repeatRoutes = route.Parse(`
POST /api/authorize
POST /api/items/batch/get
POST /api/items/:id/play
POST /api/items/:id/play/:episode
`)

// promptRoutes are those by which programs find out whether a server is there,
// some of them racing several addresses.
var promptRoutes = route.Parse(`
GET /ping
GET /status
GET /healthcheck
`)

// repeatable reports whether c can be sent again when nobody knows whether the
// server has seen it.
func repeatable(c *call, b *body) bool {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return b.stream == nil
	}
	return b.stream == nil && repeatRoutes.Matches(c.r.Method, c.path)
}

// newHold returns how long c may be held, and counts it when it is.
func (s *Server) newHold(c *call, b *body) *stream.Hold {
	most := max(s.cfg.Hold, 0)
	if !repeatable(c, b) || promptRoutes.Matches(c.r.Method, c.path) {
		most = 0
	}
	return stream.NewHold(s.broadcast, most, func() { s.stats.held.Add(1) })
}

// unreached says that the server could not be reached.
func unreached(err error) *refusal.Refusal {
	no := stream.Unreached(err)
	if errors.Is(err, errPlayerBody) {
		no.Passing = false
	}
	return no
}
