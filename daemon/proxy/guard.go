package proxy

import (
	"net/http"
	"slices"
	"strings"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/livesocket"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/route"
)

// guard is one check. It returns why the request goes no further, or nil.
type guard struct {
	attack string // that it stops
	check  func(*call) *refusal.Refusal
}

// column is what stands between the port and the session, in order.
var column = []guard{
	{"another machine, through a listener or a forwarded port that is open too far", fromLoopback},
	{"using us as an open proxy: absolute-form, CONNECT; TRACE, which shows headers to scripts", plainTarget},
	{"one path to our rules and another to the server or a gateway before it: /.., %2f, %5c, %2e, double escapes", cleanPath},
	{"DNS rebinding: a page whose name now points to 127.0.0.1 is same-origin to its browser, but its Host is still its own", ourHost},
	{"pages of other sites and of other localhost ports, which are same-site: fetch, forms, images, frames, links " +
		"(unless they present a grant, or the user trusts their origin)", sameOrigin},
	{"the same from browsers that send neither Origin nor Sec-Fetch-Site", noForeignReferer},
	{"cookies and service workers of other programs on localhost: pages live at 127.0.0.1", numericPage},
	{"another protocol, in which nothing is filtered", onlyLiveSocket},
	{"real tokens and cookies in sign-in answers; ending the session itself by logging out", answeredHere},
	{"other users, containers and web pages; a revoked grant falls through to nothing", knownPlayer},
	{"over-eager tools: administration with a session that was lent for listening", inScope},
}

func fromLoopback(c *call) *refusal.Refusal {
	if c.conn == nil || !c.conn.loopback && !c.conn.extra {
		return refusal.FarAway
	}
	return nil
}

func plainTarget(c *call) *refusal.Refusal {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch,
		http.MethodPut, http.MethodDelete, http.MethodOptions:
	case http.MethodConnect:
		return refusal.BadTarget
	default:
		return refusal.BadMethod
	}
	if c.r.URL.IsAbs() || c.r.URL.Host != "" || !strings.HasPrefix(c.r.RequestURI, "/") {
		return refusal.BadTarget
	}
	return nil
}

func cleanPath(c *call) *refusal.Refusal {
	raw, _, _ := strings.Cut(c.r.RequestURI, "?")
	raw = route.Collapse(raw)
	path, ok := route.Readable(raw, c.server.prefixes)
	if !ok {
		return refusal.BadPath
	}
	c.asked, c.raw, c.path = raw, raw, path
	for _, prefix := range c.server.prefixes {
		if rest, ok := route.CutPrefix(path, prefix); ok {
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

func ourHost(c *call) *refusal.Refusal {
	host := strings.ToLower(c.r.Host)
	switch {
	case slices.Contains(c.conn.hosts, host):
		c.host = host
	case slices.Contains(c.conn.bare, host):
		// A page whose name was rebound sends its own name. Programs leave the port
		// out, and forwarded ports change it.
		c.host = c.conn.hosts[slices.Index(c.conn.bare, host)]
	case host == "" && c.r.ProtoMajor == 1 && c.r.ProtoMinor == 0 && !c.conn.extra:
		c.host = c.conn.hosts[0] // no browser sends a request without a name
	default:
		return refusal.WrongHost
	}
	return nil
}

func numericPage(c *call) *refusal.Refusal {
	read := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	if !read || c.conn.extra || c.r.Header.Get("Sec-Fetch-Mode") != "navigate" || strings.EqualFold(c.r.Host, c.conn.hosts[0]) {
		return nil
	}
	no := *refusal.ToNumeric
	// The path begins with a single slash (cleanPath), so the host stays ours.
	no.Location = "http://" + c.conn.hosts[0] + c.asked
	if c.r.URL.RawQuery != "" {
		no.Location += "?" + c.r.URL.RawQuery
	}
	return &no
}

func onlyLiveSocket(c *call) *refusal.Refusal {
	upgrade, route := c.r.Header["Upgrade"] != nil, socketRoutes.Matches(c.r.Method, c.path)
	switch {
	case !upgrade && !route:
		return nil
	case !route:
		return refusal.NoUpgrade
	case c.path != livesocket.Path:
		return refusal.NoSocketPath
	case !c.server.sockets.Offered():
		return refusal.NoSocket
	}
	c.socket = true
	return nil
}

func answeredHere(c *call) *refusal.Refusal {
	c.local = answers.For(c.r.Method, c.path)
	return nil
}

// knownPlayer lets in who holds a grant, or is the user.
func knownPlayer(c *call) *refusal.Refusal {
	if c.preflight() || c.local != nil && c.local.Open() {
		return nil // it carries its own credential, or tells nobody anything
	}
	if probeRoutes.Matches(c.r.Method, c.path) {
		if c.server.local.Stranger(c.server.localRequest(c)) {
			c.local = answers.Probe
		}
		return nil
	}
	switch presented, how := credential(c.r); how {
	case conflicting:
		return refusal.BadGrant
	case one:
		caller, no := c.server.callerOf(c.r.Context(), presented)
		c.caller = caller
		return no
	}
	if c.conn.extra {
		return refusal.ExtraGrant
	}
	peer := c.conn.user(c.server)
	own := c.server.ownUser(c)
	if own && c.page.caller.Grant != "" {
		c.caller = c.page.caller
		return nil
	}
	if own && c.page.trusted {
		// Every program can write an origin, so the system must say whose it is, and
		// what carries no secret gets no more than any program of the user.
		if caller, ok := c.server.originGrant(c.page.origin); ok {
			caller.Scope = players.ScopeListen
			c.caller = caller
			return nil
		}
	}
	switch {
	case (own || !peer.Known) && pageRoutes.Matches(c.r.Method, c.path):
		// A browser shows nothing when it asks for a page; what the page's
		// scripts ask for comes this way again. These are the server's own
		// public files.
		c.caller = players.Caller{}
	case c.server.cfg.Access == AccessGrant:
		return refusal.GrantOnly
	case !own:
		return refusal.NeedsGrant
	default:
		c.caller = players.Own()
	}
	return nil
}

// inScope decides what goes upstream, and with what.
func inScope(c *call) *refusal.Refusal {
	need, bearer, known := scopeOf(c.r.Method, c.path)
	allowed := bearer == withoutBearer || c.caller.Scope.Covers(need)
	switch {
	case c.preflight(): // the request that follows is looked at
		return nil
	case c.socket: // what may pass in it is decided frame by frame
		return nil
	case c.local != nil:
		if !c.local.Allows(c.caller.Scope) {
			return refusal.BeyondScope
		}
		return nil
	case !known && (!allowed || c.server.hasBasePath(c.path)):
		return refusal.NotThere // a second base path would be cut off behind us, and our rules with it
	case !allowed:
		return refusal.BeyondScope
	default:
		c.needs = bearer
		return nil
	}
}
