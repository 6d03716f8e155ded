package proxy

import (
	"net/http"
	"regexp"
	"time"

	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/route"
)

// shareRoutes are the server's share links. The server knows who listens to one
// by a cookie (abs: server/controllers/ShareController.js).
var shareRoutes = route.Parse(`
ANY /public/share/*
`)

// shareCookie is that cookie's name at the server, and shareID what is in it.
const shareCookie = "share_session_id"

var shareID = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// shareLife is how long it lives where the server does not say.
const shareLife = 30 * 24 * time.Hour

// shareName is its name here: cookies ignore ports, and the server has another
// page on this machine perhaps.
func (s *Server) shareName() string { return answers.CookieName(s.cfg.Account.Name) + "_share" }

// shareCookieOf returns the header by which the server knows who listens to a
// share link, "" for none.
func (c *call) shareCookieOf() string {
	if !shareRoutes.Matches(c.r.Method, c.path) {
		return ""
	}
	found, err := c.r.Cookie(c.server.shareName())
	if err != nil || !shareID.MatchString(found.Value) {
		return ""
	}
	return shareCookie + "=" + found.Value
}

// keepShareCookie gives the player the cookie of a share link.
func (c *call) keepShareCookie(h http.Header, resp *http.Response) {
	if !shareRoutes.Matches(c.r.Method, c.path) {
		return
	}
	for _, cookie := range resp.Cookies() {
		if cookie.Name != shareCookie || !shareID.MatchString(cookie.Value) {
			continue
		}
		own := http.Cookie{
			Name: c.server.shareName(), Value: cookie.Value, Path: "/", MaxAge: int(shareLife / time.Second),
			HttpOnly: true, SameSite: http.SameSiteStrictMode,
		}
		h.Add("Set-Cookie", own.String())
	}
}
