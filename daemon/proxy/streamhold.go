package proxy

import (
	"crypto/tls"
	"errors"
	"net/http"
	"time"

	"shelfkeeper/daemon/redact"
)

// holdFor is how long a request is held in bad weather. Most of it is over by
// then, a server's restart included, and players give up after 10 to 30 s.
const holdFor = 10 * time.Second

// repeatRoutes are POSTs that may be sent twice: the first two only read, and
// a playback session that is opened twice is closed by the second opening or
// by the server's nightly round (measured on 2.36.0; abs:
// server/managers/PlaybackSessionManager.js).
var repeatRoutes = routesOf(`
POST /api/authorize
POST /api/items/batch/get
POST /api/items/:id/play
POST /api/items/:id/play/:episode
`)

// promptRoutes are those by which programs find out whether a server is there,
// some of them racing several addresses.
var promptRoutes = routesOf(`
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
	return b.stream == nil && matches(repeatRoutes, c.r.Method, c.path)
}

// hold keeps a request back for a while instead of refusing it.
type hold struct {
	server *Server
	may    bool
	until  time.Time // zero: nothing has failed yet
	pause  time.Duration
}

func (s *Server) newHold(c *call, b *body) *hold {
	return &hold{server: s, pause: firstPause, may: s.cfg.Hold > 0 && repeatable(c, b) && !matches(promptRoutes, c.r.Method, c.path)}
}

// again waits, and reports whether c is to be tried again after no. The time
// runs from the first failure: how long it took to show is not the player's
// to lose.
func (h *hold) again(c *call, no *refusal) bool {
	if !h.may || !no.passing {
		return false
	}
	first := h.until.IsZero()
	if first {
		h.until = time.Now().Add(h.server.cfg.Hold)
	}
	left := time.Until(h.until)
	if left <= 0 || no.retry > max(left, retryAfter) {
		return false
	}
	if first {
		h.server.stats.held.Add(1)
	}
	pause := min(h.pause, left)
	h.pause = min(2*h.pause, longestPause)
	return h.server.wakes.pause(c.r.Context(), pause)
}

// unreached says that the server could not be reached.
func unreached(err error) *refusal {
	no := weather.because(redact.Text(err.Error()))
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) || errors.Is(err, errSlowHead) || errors.Is(err, errPlayerBody) {
		no.passing = false
	}
	return no
}
