package proxy

import (
	"net/http"

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

// actingRoutes are GETs that do something: restore a backup, match all books of a
// library, download new episodes, send a notification (abs:
// server/routers/ApiRouter.js).
var actingRoutes = route.Parse(`
GET /api/backups/:id/apply
GET /api/libraries/:id/matchall
GET /api/podcasts/:id/checknew
GET /api/notifications/test
GET /api/notifications/:id/test
`)

// repeatable reports whether c can be sent again when nobody knows whether the
// server has seen it.
func repeatable(c *call, b *body) bool {
	return b.stream == nil && !unsafe(c, b)
}

// unsafe reports whether the server does something a second time when c is sent again.
func unsafe(c *call, b *body) bool {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return actingRoutes.Matches(http.MethodGet, c.path)
	}
	return b.stream != nil || !repeatRoutes.Matches(c.r.Method, c.path)
}

// newHold returns how long c may be held, and counts it when it is.
func (s *Server) newHold(c *call, b *body) *stream.Hold {
	most := max(s.cfg.Hold, 0)
	if most > 0 && s.underWay(c) {
		most = max(most, stream.HoldStream)
	}
	if !repeatable(c, b) || promptRoutes.Matches(c.r.Method, c.path) {
		most = 0
	}
	return stream.NewHold(s.broadcast, most, func() { s.stats.held.Add(1) })
}
