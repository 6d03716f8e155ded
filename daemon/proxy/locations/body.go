package locations

import (
	"bytes"
	"io"
	"net/url"
	"slices"
	"strings"

	"shelfkeeper/daemon/proxy/route"
	"shelfkeeper/daemon/tokenfilter"
)

// feedRoutes tell and take the address under which the server is known, as
// "serverAddress" (abs: server/models/Feed.js).
var feedRoutes = route.Parse(`
ANY /api/feeds/*
`)

// addressKey comes before that address; the server writes JSON without blanks.
const addressKey = `"serverAddress":"`

// Request is what decides about the addresses in a body.
type Request struct {
	Method string
	Path   string   // the route
	Scheme string   // that the player used; "" is http
	Host   string   // that the player asked
	Base   *url.URL // of the server
	Others []string // hosts under which the server is known too
}

// Ours returns src, the body of the server's answer, with the server's address
// replaced by ours, where the answer is one that players follow addresses of:
// feeds, playlists, and what is told of feeds. Everywhere else an address is
// somebody's text.
func (r Request) Ours(contentType string, src io.Reader) io.Reader {
	kind, after := typeOf(contentType), ""
	switch {
	case strings.HasSuffix(kind, "/xml"), strings.HasSuffix(kind, "+xml"), strings.HasSuffix(kind, "mpegurl"):
	case feedRoutes.Matches(r.Method, r.Path) && tokenfilter.KindOf(kind) == tokenfilter.Escaped:
		after = addressKey
	default:
		return src
	}
	wrap := func(src io.Reader, self string) io.Reader {
		for _, host := range r.hosts(self) {
			src = &addresses{src: src, host: []byte("//" + host), after: []byte(after), ours: []byte(r.ours())}
		}
		return src
	}
	if after == "" && feedPages.Matches(r.Method, r.Path) {
		return &feed{src: src, wrap: wrap}
	}
	return wrap(src, "")
}

// typeOf returns the media type in a Content-Type, without its parameters.
func typeOf(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.TrimSpace(strings.ToLower(kind))
}

// ours is the origin at which the player asked.
func (r Request) ours() string {
	if r.Scheme == "" {
		return "http://" + r.Host
	}
	return r.Scheme + "://" + r.Host
}

// hosts are those under which the server is known, self among them where it is given.
// Ours is not: what is replaced once is not replaced again.
func (r Request) hosts(self string) (list []string) {
	for _, host := range append([]string{r.Base.Host, self}, r.Others...) {
		if host != "" && host != r.Host && !slices.Contains(list, host) {
			list = append(list, host)
		}
	}
	return list
}

// Theirs returns a request's body with our address replaced by the server's: a
// feed is for programs that do not know ours.
func (r Request) Theirs(body []byte) []byte {
	if !feedRoutes.Matches(r.Method, r.Path) {
		return body
	}
	ours := addressKey + r.ours()
	i := bytes.Index(body, []byte(ours))
	if end := i + len(ours); i < 0 || end >= len(body) || body[end] != '"' && body[end] != '/' {
		return body
	}
	return bytes.Replace(body, []byte(ours), []byte(addressKey+r.Base.Scheme+"://"+r.Base.Host), 1)
}

// addresses replaces origins in a body as it goes by. http and https are the
// same here: a server behind a gateway does not always know by which of them
// it was asked.
type addresses struct {
	src   io.Reader
	host  []byte // "//" and the host, with its port
	after []byte // what must stand before the origin; empty: anything
	ours  []byte

	buf  []byte // what is read and not decided
	out  []byte // what is decided
	home []byte // where out lies
	err  error
}

const readSize = 16 << 10

func (a *addresses) Read(p []byte) (int, error) {
	for len(a.out) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		a.more()
	}
	n := copy(p, a.out)
	a.out = a.out[n:]
	return n, nil
}

// more reads on and decides what can be decided: all but what may be the
// beginning of an origin, and the byte that ends one.
func (a *addresses) more() {
	old := len(a.buf)
	a.buf = slices.Grow(a.buf, readSize)
	n, err := a.src.Read(a.buf[old : old+readSize])
	a.buf, a.err = a.buf[:old+n], err
	done, out := 0, a.home[:0]
	for {
		i := bytes.Index(a.buf[done:], a.host)
		if i < 0 {
			break
		}
		from, end := done+i, done+i+len(a.host)
		if end == len(a.buf) && a.err == nil {
			break // the next byte may make it another host
		}
		start := a.originStart(a.buf[done:from])
		if start < 0 || end < len(a.buf) && hostByte(a.buf[end]) {
			out = append(out, a.buf[done:end]...)
		} else {
			out = append(append(out, a.buf[done:done+start]...), a.ours...)
		}
		done = end
	}
	keep := 0
	if a.err == nil {
		keep = min(len(a.buf)-done, len(a.after)+len("https:")+len(a.host))
	}
	a.home = append(out, a.buf[done:len(a.buf)-keep]...)
	a.out = a.home
	a.buf = a.buf[:copy(a.buf, a.buf[len(a.buf)-keep:])]
}

// originStart returns where in before, which ends where the host begins, the
// origin starts, or -1.
func (a *addresses) originStart(before []byte) int {
	for _, scheme := range []string{"http:", "https:"} {
		if rest, ok := bytes.CutSuffix(before, []byte(scheme)); ok && bytes.HasSuffix(rest, a.after) {
			return len(rest)
		}
	}
	return -1
}

// hostByte reports whether c goes on with a host or its port.
func hostByte(c byte) bool {
	return c == '.' || c == '-' || c == ':' || c == '@' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
