package proxy

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/route"
)

// A browser says which page a request comes from. Pages of other origins get
// nothing, with three exceptions. A request that itself presents a living grant or
// a local token passes: no foreign page can know one. And the user may trust an
// origin by name, for programs in a webview whose images and audio elements
// carry no token. Where these name no origin either, their process does: webview.go.

// page is what a browser says of where a request comes from.
type page struct {
	foreign bool   // it is no page of ours
	origin  string // of a foreign page; "" where the browser hides it
	trusted bool   // the user trusts that origin
	// caller is as whom it comes in where its program has presented a grant before.
	caller players.Caller
}

// exposed are the response headers that a page of a trusted origin may read
// beside those that every page may.
const exposed = "Accept-Ranges, Content-Length, Content-Range, Etag, Retry-After, Shelfkeeper-Reason"

// preflightAge is how long a browser may keep the answer to a preflight.
const preflightAge = "600"

// signInRoute takes a grant's secret in its body.
var signInRoute = route.Parse(`POST /login`)

// refreshRoutes take a local token in a header of their own.
var refreshRoutes = route.Parse(`
POST /auth/refresh
POST /logout
`)

// sameOrigin lets in what browsers send for pages of ours, and what no browser
// sends.
func sameOrigin(c *call) *refusal.Refusal {
	for _, origin := range c.r.Header["Origin"] {
		if !strings.EqualFold(origin, scheme(c.r)+"://"+c.r.Host) {
			return c.fromPage(originHeader(c.r))
		}
	}
	for _, site := range c.r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return c.fromPage(originHeader(c.r))
		}
	}
	return nil
}

func noForeignReferer(c *call) *refusal.Refusal {
	if c.r.Header["Origin"] != nil || c.r.Header["Sec-Fetch-Site"] != nil {
		return nil
	}
	for _, referer := range c.r.Header["Referer"] {
		u, err := url.Parse(referer)
		if err != nil || u.Scheme != scheme(c.r) || !slices.Contains(c.conn.hosts, strings.ToLower(u.Host)) {
			return c.fromPage(originHeader(c.r))
		}
	}
	return nil
}

// originHeader returns the origin that a request names, "" for none or several.
// Images and audio elements send no Origin, but a Referer: only for reading.
func originHeader(r *http.Request) string {
	switch origins, referers := r.Header["Origin"], r.Header["Referer"]; {
	case len(origins) == 1:
		return strings.ToLower(origins[0])
	case len(origins) > 1 || len(referers) != 1 || r.Method != http.MethodGet && r.Method != http.MethodHead:
		return ""
	default:
		u, err := url.Parse(referers[0])
		if err != nil || u.Scheme == "" || u.Host == "" {
			return ""
		}
		return strings.ToLower(u.Scheme + "://" + u.Host)
	}
}

// fromPage decides about a request of a page that is not ours.
func (c *call) fromPage(origin string) *refusal.Refusal {
	c.page = page{foreign: true, origin: origin}
	if c.page.trusted = c.server.trusts(origin); c.page.trusted {
		c.shareWithPage()
		return nil
	}
	ctx := c.r.Context()
	var err *refusal.Refusal
	switch presented, how := credential(c.r); {
	case how == one:
		_, err = c.server.callerOf(ctx, presented)
	case how == conflicting:
		err = refusal.BadGrant
	case c.r.Header.Get("X-Refresh-Token") != "" && refreshRoutes.Matches(c.r.Method, c.path):
		err = c.server.knowsRefreshToken(ctx, c.r.Header.Get("X-Refresh-Token"))
	case signInRoute.Matches(c.r.Method, c.path):
		return nil // its body says whether it presents a grant's secret
	case c.fromWebview():
		c.shareWithPage()
		return nil
	default:
		return refusal.OtherOrigin
	}
	if err == refusal.BadGrant {
		return c.slowDown(err)
	}
	if err == nil {
		c.prove()
	}
	return err
}

// prove says that the request presents a living grant or a local token.
func (c *call) prove() {
	c.header.Del("Connection")
	c.server.proved(c)
	if c.page.foreign {
		c.shareWithPage()
	}
}

// shareWithPage lets the page that asks read the answer, without cookies.
func (c *call) shareWithPage() {
	c.header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if len(c.r.Header["Origin"]) == 1 {
		c.header.Set("Access-Control-Allow-Origin", c.r.Header.Get("Origin"))
		c.header.Set("Access-Control-Expose-Headers", exposed)
		c.header.Add("Vary", "Origin")
	}
}

// slowDown answers a wrong grant of a foreign page late.
func (c *call) slowDown(no *refusal.Refusal) *refusal.Refusal {
	if !c.server.wrongGrants.wait(c.r.Context()) {
		return refusal.TooMany
	}
	return no
}

// trusts reports whether the user trusts an origin by name.
func (s *Server) trusts(origin string) bool {
	if origin == "" || origin == "null" { // sandboxed frames of every page are null
		return false
	}
	if slices.Contains(s.cfg.TrustedOrigins, origin) {
		return true
	}
	_, ok := s.originGrant(origin)
	return ok
}

// originGrant returns the caller as which programs of that origin come in.
func (s *Server) originGrant(origin string) (players.Caller, bool) {
	if s.cfg.OriginGrant == nil || origin == "" || origin == "null" {
		return players.Caller{}, false
	}
	return s.cfg.OriginGrant(origin)
}

// knowsRefreshToken returns nil for a local refresh token of a living grant.
func (s *Server) knowsRefreshToken(ctx context.Context, presented string) *refusal.Refusal {
	if s.cfg.Account.SignIns == nil {
		return refusal.BadGrant
	}
	_, _, err := s.cfg.Account.SignIns.Refresh(ctx, presented)
	return refusalOf(err)
}

// preflight are the requests by which a browser asks whether a page may send
// another one.
func (c *call) preflight() bool {
	return c.page.trusted && c.r.Method == http.MethodOptions && c.r.Header.Get("Access-Control-Request-Method") != ""
}

// answerPreflight allows a page of a trusted origin what a local program may do.
// The request that follows meets every guard.
func (s *Server) answerPreflight(w http.ResponseWriter, c *call) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, PUT, DELETE")
	if asked := c.r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", refusal.OneLine(asked))
	}
	if c.r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	h.Set("Access-Control-Max-Age", preflightAge)
	h.Add("Vary", "Access-Control-Request-Headers")
	w.WriteHeader(http.StatusNoContent)
}

// sender is whose program sent c. What a page of a foreign origin sends is
// nobody's, though the user's own browser sends it.
func (c *call) sender() answers.Sender {
	if c.conn.extra || c.page.foreign && !c.page.trusted {
		return answers.Other
	}
	switch peer := c.conn.user(c.server); {
	case !peer.Known:
		return answers.Unknown
	case peer.UID == c.server.cfg.OwnUID:
		return answers.User
	}
	return answers.Other
}
