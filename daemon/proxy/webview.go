package proxy

import (
	"slices"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/route"
)

// An image or a sound on a page of a program's own scheme (app://obsidian.md) comes
// without a token, an Origin and a Referer. Nothing in such a request tells it from one
// of any page in a browser. Only the process that sends it does: it has named itself
// before, in a request that no page of another program can make it send.
//
// What a foreign page can do: shown within that very program, it can show a picture and
// play a sound whose address it knows. It can read neither, since nothing here allows
// that, and it can change nothing. In every other program it still gets 403.

// maxWebviews bounds the processes that are remembered; the one that came longest ago
// is forgotten first.
const maxWebviews = 16

// mediaRoutes are what elements of a page load by themselves.
var mediaRoutes = route.Parse(`
GET /api/items/:id/cover
GET /api/authors/:id/image
GET /api/items/:id/file/:file
GET /public/session/:id/track/:index
GET /hls/:id/:file
`)

// webview is a process that shows pages of a program that is trusted.
type webview struct {
	process players.Process
	origin  string         // that the user trusts; "" where it has presented a grant
	caller  players.Caller // of that grant
}

type webviews struct {
	mu     sync.Mutex
	list   []webview // the newest last
	lookup time.Time
}

// ownScheme reports whether no browser shows pages of that origin. Pages of all websites
// share a browser's process, and so do its extensions.
func ownScheme(origin string) bool {
	scheme, _, _ := strings.Cut(origin, "://")
	return scheme != "" && scheme != "http" && scheme != "https" && scheme != "file" && !strings.HasSuffix(scheme, "-extension")
}

// learnWebview remembers the process that sent c, if it has named itself: by an origin
// of a scheme of its own, or by a grant in a request that a browser would never send
// without an Origin. It must be a process of the user.
func (s *Server) learnWebview(c *call) {
	one := webview{origin: c.page.origin}
	switch mode := c.r.Header.Get("Sec-Fetch-Mode"); {
	case c.page.trusted && ownScheme(c.page.origin):
	case c.caller.Grant != "" && c.page.foreign && c.page.origin == "" && c.r.Header["Origin"] == nil && mode == "cors" &&
		c.r.Header["Authorization"] != nil && strings.Contains(c.r.Header.Get("User-Agent"), " Electron/"):
		one.caller = players.Caller{Grant: c.caller.Grant, SignIn: c.caller.SignIn, Scope: players.ScopeListen}
	default:
		return
	}
	if c.conn.extra || c.conn.learned.Load() || !s.ownUser(c) {
		return
	}
	if old, ok := s.webviewOf(c); ok && old.origin == one.origin && old.caller == one.caller {
		c.conn.learned.Store(true)
		return
	}
	if !s.webviews.mayLook(time.Now()) {
		return // at the next request
	}
	c.conn.learned.Store(true)
	var ok bool
	if one.process, ok = players.ProcessOf(c.conn.net); ok {
		s.webviews.add(one)
	}
}

// fromWebview reports whether c is what an element of a page loads, in a process that
// has named itself. It becomes that program's request then.
func (c *call) fromWebview() bool {
	h := c.r.Header
	if h["Origin"] != nil || h["Referer"] != nil || h.Get("Sec-Fetch-Mode") != "no-cors" || c.conn.extra ||
		!mediaRoutes.Matches(c.r.Method, c.path) {
		return false
	}
	switch h.Get("Sec-Fetch-Dest") {
	case "image", "audio", "video":
	default:
		return false
	}
	one, ok := c.server.webviewOf(c)
	if !ok || one.origin != "" && !c.server.trusts(one.origin) || one.origin == "" && !c.server.cfg.Grants.Alive(one.caller) {
		return false
	}
	c.page.origin, c.page.trusted, c.page.caller = one.origin, true, one.caller
	return true
}

// webviewOf returns the remembered process that sent c.
func (s *Server) webviewOf(c *call) (webview, bool) {
	list := s.webviews.all()
	processes := make([]players.Process, len(list))
	for i, one := range list {
		processes[i] = one.process
	}
	p, ok := players.HeldBy(c.conn.net, processes)
	if !ok {
		return webview{}, false
	}
	return list[slices.Index(processes, p)], true
}

func (v *webviews) all() []webview {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.list)
}

// mayLook reports whether the system may be asked for a process now.
func (v *webviews) mayLook(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.Sub(v.lookup) < lookupPause {
		return false
	}
	v.lookup = now
	return true
}

func (v *webviews) add(one webview) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.list = slices.DeleteFunc(v.list, func(old webview) bool { return old.process == one.process })
	if len(v.list) >= maxWebviews {
		v.list = v.list[1:]
	}
	v.list = append(v.list, one)
}

// ownUser reports whether a program of the user sent c.
func (s *Server) ownUser(c *call) bool {
	peer := c.conn.user(s)
	return peer.Known && peer.UID == s.cfg.OwnUID
}
