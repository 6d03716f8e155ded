package dashboard

import (
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// guard is one check. It returns why the request goes no further, or nil.
type guard struct {
	attack string // that it stops
	check  func(*request) *refusal
}

// column is what stands between the port and the page, in order.
var column = []guard{
	{"another machine, through a forwarded port", fromLoopback},
	{"use as an open proxy (absolute-form, CONNECT), TRACE, and methods that nothing here answers", plainRequest},
	{"DNS rebinding, and scripts that an Audiobookshelf server delivers: those live at 127.0.0.1", exactHost},
	{"other users of this machine and containers", sameUser},
	{"pages of other sites and of other localhost ports, which are same-site: fetch, forms, images, links", sameOrigin},
	{"the same from browsers that send no Sec-Fetch-Site; forms of sandboxed frames (Origin: null)", exactOrigin},
	{"the same from browsers that send neither", ownReferer},
	{"a page that embeds this one and leads the user's clicks to its buttons", notEmbedded},
	{"other users where the system cannot tell them: they cannot have the one-time link", hasSession},
	{"writes from a page that guessed a form: plain text, JSON, files", formOnly},
	{"writes that the user did not make on a page of ours", hasToken},
}

// request is one request on its way through the guards.
type request struct {
	*http.Request
	server  *Server
	answer  http.ResponseWriter
	own     bool // the far end is certainly a program of the user
	session session
	prefix  string // the path below which it was sent; "" for none
}

// refusal is why a request is not answered.
type refusal struct {
	status   int
	text     string // the key of what the user reads
	location string // of a redirect
}

var (
	farAway     = &refusal{status: http.StatusForbidden, text: "refused.far"}
	badRequest  = &refusal{status: http.StatusBadRequest, text: "refused.request"}
	badMethod   = &refusal{status: http.StatusMethodNotAllowed, text: "refused.request"}
	wrongHost   = &refusal{status: http.StatusMisdirectedRequest, text: "refused.host"}
	otherUser   = &refusal{status: http.StatusForbidden, text: "refused.user"}
	otherOrigin = &refusal{status: http.StatusForbidden, text: "refused.origin"}
	needsLink   = &refusal{status: http.StatusForbidden, text: "refused.link"}
	linkUsed    = &refusal{status: http.StatusForbidden, text: "refused.used"}
	oldForm     = &refusal{status: http.StatusForbidden, text: "refused.old"}
	notForm     = &refusal{status: http.StatusUnsupportedMediaType, text: "refused.request"}
	tooLong     = &refusal{status: http.StatusRequestEntityTooLarge, text: "refused.long"}
	notFound    = &refusal{status: http.StatusNotFound, text: "refused.missing"}
)

// refuse returns the first objection to a request.
func (r *request) refuse() *refusal {
	for _, g := range column {
		if no := g.check(r); no != nil {
			return no
		}
	}
	return nil
}

func (r *request) writes() bool { return r.Method == http.MethodPost }

func fromLoopback(r *request) *refusal {
	for _, addr := range []string{r.RemoteAddr, localAddr(r)} {
		host, _, err := net.SplitHostPort(addr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			return farAway
		}
	}
	return nil
}

func localAddr(r *request) string {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return a.String()
	}
	return ""
}

func plainRequest(r *request) *refusal {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		return badMethod
	}
	if r.URL.IsAbs() || r.URL.Host != "" || !strings.HasPrefix(r.RequestURI, "/") || strings.HasPrefix(r.RequestURI, "//") {
		return badRequest
	}
	return nil
}

// exactHost sends a browser that came to 127.0.0.1 to the page's own name: the
// page must not be of one host with what an Audiobookshelf server delivers.
func exactHost(r *request) *refusal {
	if "http://"+r.Host == r.server.origin {
		return nil
	}
	host, port, err := net.SplitHostPort(r.Host)
	numeric := host == "127.0.0.1" || host == "::1"
	if err != nil || !numeric || port != strconv.Itoa(r.server.cfg.Port) || r.writes() {
		return wrongHost
	}
	// The path begins with a single slash (plainRequest), so the host stays ours.
	return &refusal{status: http.StatusTemporaryRedirect, location: r.server.origin + r.RequestURI}
}

// sameUser refuses every known other user, with or without a link. An unknown
// one needs a session, see hasSession.
func sameUser(r *request) *refusal {
	peer := r.server.peerOf(r.Request)
	if peer.Known && peer.UID != r.server.cfg.OwnUID {
		return otherUser
	}
	r.own = peer.Known
	return nil
}

func sameOrigin(r *request) *refusal {
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return otherOrigin
		}
	}
	return nil
}

func exactOrigin(r *request) *refusal {
	origins := r.Header["Origin"]
	if r.writes() && len(origins) != 1 {
		return otherOrigin
	}
	for _, origin := range origins {
		if origin != r.server.origin {
			return otherOrigin
		}
	}
	return nil
}

func ownReferer(r *request) *refusal {
	for _, referer := range r.Header["Referer"] {
		u, err := url.Parse(referer)
		if err != nil || u.Scheme+"://"+u.Host != r.server.origin {
			return otherOrigin
		}
	}
	return nil
}

// notEmbedded is the second net below frame-ancestors 'none', which browsers
// apply when they have the answer.
func notEmbedded(r *request) *refusal {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "embed", "object", "fencedframe":
		return otherOrigin
	}
	return nil
}

// hasSession lets nobody in whose user is unknown, unless the browser holds the
// cookie that a one-time link brought, and asks below the path that goes with it.
// A program of the user may have one by asking.
func hasSession(r *request) *refusal {
	if cookie, err := r.Cookie(cookieName); err == nil {
		r.session, _ = r.server.keys.read(cookie.Value)
	}
	within := r.session.valid() && r.prefix == r.server.keys.prefix(r.session)
	switch {
	case r.prefix != "" && !within:
		return needsLink
	case within, r.own, r.URL.Path == linkPath, isFile(r.URL.Path):
		return nil
	}
	return needsLink
}

// formOnly takes what forms of ours send, and nothing longer.
func formOnly(r *request) *refusal {
	if !r.writes() {
		return nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" && !(media == "multipart/form-data" && takesFiles(r.URL.Path)) {
		return notForm
	}
	return r.readForm(media == "multipart/form-data")
}

// takesFiles reports whether the form of a path has fields for files: certificates
// of a gateway.
func takesFiles(path string) bool {
	return path == "/sign-in/look" || strings.HasSuffix(path, "/gateway")
}

func hasToken(r *request) *refusal {
	if r.writes() && !(r.session.valid() && r.server.keys.isToken(r.session, r.PostFormValue("csrf"))) {
		return oldForm
	}
	return nil
}
