package proxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"shelfkeeper/daemon/players"
)

// guard is one check. It returns why the request goes no further, or nil.
type guard struct {
	attack string // that it stops
	check  func(*call) *refusal
}

// column is what stands between the port and the session, in order.
var column = []guard{
	{"another machine, through a listener or a forwarded port that is open too far", fromLoopback},
	{"using us as an open proxy: absolute-form, CONNECT; TRACE, which shows headers to scripts", plainTarget},
	{"one path to our rules and another to the server or a gateway before it: //, /.., %2f, %5c, %2e, double escapes", cleanPath},
	{"DNS rebinding: a page whose name now points to 127.0.0.1 is same-origin to its browser, but its Host is still its own", ourHost},
	{"pages of other sites and of other localhost ports, which are same-site: fetch, forms, images, frames, links", sameOrigin},
	{"the same from browsers that send neither Origin nor Sec-Fetch-Site", noForeignReferer},
	{"cookies and service workers of other programs on localhost: pages live at 127.0.0.1", numericPage},
	{"another protocol, in which nothing is filtered", onlyLiveSocket},
	{"real tokens and cookies in sign-in answers; ending the session itself by logging out", answeredHere},
	{"other users, containers and web pages; a revoked grant falls through to nothing", knownPlayer},
	{"over-eager tools: administration with a session that was lent for listening", inScope},
}

func fromLoopback(c *call) *refusal {
	if c.conn == nil || !c.conn.loopback && !c.conn.extra {
		return farAway
	}
	return nil
}

func plainTarget(c *call) *refusal {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch,
		http.MethodPut, http.MethodDelete, http.MethodOptions:
	case http.MethodConnect:
		return badTarget
	default:
		return badMethod
	}
	if c.r.URL.IsAbs() || c.r.URL.Host != "" || !strings.HasPrefix(c.r.RequestURI, "/") {
		return badTarget
	}
	return nil
}

func cleanPath(c *call) *refusal {
	raw, _, _ := strings.Cut(c.r.RequestURI, "?")
	path, ok := unescapeClean(raw)
	if !ok {
		return badPath
	}
	c.raw, c.path = raw, path
	for _, prefix := range c.server.prefixes {
		if rest, ok := cutPrefixPath(path, prefix); ok {
			// One that is spelled with escapes stays, and is no route then.
			if strings.EqualFold(raw[:len(prefix)], prefix) {
				c.path, c.raw = rest, raw[len(prefix):]
				if c.raw == "" {
					c.raw = "/"
				}
			}
			break
		}
	}
	return nil
}

func ourHost(c *call) *refusal {
	if !slices.Contains(c.conn.hosts, strings.ToLower(c.r.Host)) {
		return wrongHost
	}
	return nil
}

func sameOrigin(c *call) *refusal {
	for _, origin := range c.r.Header["Origin"] {
		if !strings.EqualFold(origin, "http://"+c.r.Host) {
			return otherOrigin
		}
	}
	for _, site := range c.r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return otherOrigin
		}
	}
	return nil
}

func noForeignReferer(c *call) *refusal {
	if c.r.Header["Origin"] != nil || c.r.Header["Sec-Fetch-Site"] != nil {
		return nil
	}
	for _, referer := range c.r.Header["Referer"] {
		u, err := url.Parse(referer)
		if err != nil || u.Scheme != "http" || !slices.Contains(c.conn.hosts, strings.ToLower(u.Host)) {
			return otherOrigin
		}
	}
	return nil
}

func numericPage(c *call) *refusal {
	read := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	if !read || c.conn.extra || c.r.Header.Get("Sec-Fetch-Mode") != "navigate" || strings.EqualFold(c.r.Host, c.conn.hosts[0]) {
		return nil
	}
	no := *toNumeric
	// The path begins with a single slash (cleanPath), so the host stays ours.
	no.location = "http://" + c.conn.hosts[0] + c.r.RequestURI
	return &no
}

func onlyLiveSocket(c *call) *refusal {
	upgrade, route := c.r.Header["Upgrade"] != nil, matches(socketRoutes, c.r.Method, c.path)
	switch {
	case !upgrade && !route:
		return nil
	case !route:
		return noUpgrade
	case c.path != enginePath:
		return noSocketPath
	case c.server.cfg.Sockets == nil:
		return noSocket
	}
	c.socket = true
	return nil
}

func answeredHere(c *call) *refusal {
	c.local = localFor(c)
	return nil
}

// knownPlayer lets in who holds a grant, or is the user.
func knownPlayer(c *call) *refusal {
	if c.local != nil && c.local.needs == "" || matches(lobby, c.r.Method, c.path) {
		return nil // it carries its own credential, or tells nobody anything
	}
	switch presented, how := credential(c.r); how {
	case conflicting:
		return badGrant
	case one:
		caller, no := c.server.callerOf(c.r.Context(), presented)
		c.caller = caller
		return no
	}
	if c.conn.extra {
		return extraGrant
	}
	peer := c.conn.user(c.server.cfg.PeerOf)
	own := peer.Known && peer.UID == c.server.cfg.OwnUID
	switch {
	case (own || !peer.Known) && matches(pageRoutes, c.r.Method, c.path):
		// A browser shows nothing when it asks for a page; what the page's
		// scripts ask for comes this way again. These are the server's own
		// public files.
		c.caller = players.Caller{}
	case c.server.cfg.Access == AccessGrant:
		return grantOnly
	case !own:
		return needsGrant
	default:
		c.caller = players.Own()
	}
	return nil
}

// inScope decides what goes upstream, and with what.
func inScope(c *call) *refusal {
	switch need, bearer, ok := scopeOf(c.r.Method, c.path); {
	case c.socket: // what may pass in it is decided frame by frame
		return nil
	case c.local != nil:
		if c.local.needs != "" && !c.caller.Scope.Covers(c.local.needs) {
			return beyondScope
		}
		return nil
	case !ok:
		return beyondScope
	case bearer == withBearer && !c.caller.Scope.Covers(need):
		return beyondScope
	default:
		c.needs = bearer
		return nil
	}
}
