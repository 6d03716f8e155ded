package proxy

import (
	"bytes"
	"context"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"shelfkeeper/daemon/proxy/route"
	"shelfkeeper/daemon/proxy/stream"
	"shelfkeeper/daemon/upstream"
)

// passedOn are the request headers that reach the server. It is a list of what
// passes, not of what is dropped: gateways trust headers that nobody has heard
// of (X-Original-URL, Remote-User), and the player's credentials, cookies and
// origin are its own business with us.
var passedOn = map[string]bool{
	"Accept":              true,
	"Accept-Language":     true,
	"Cache-Control":       true,
	"If-Match":            true,
	"If-Modified-Since":   true,
	"If-None-Match":       true,
	"If-Range":            true,
	"If-Unmodified-Since": true,
	"Pragma":              true,
	"Range":               true,
	"User-Agent":          true,
}

// maxReplay is the largest body that is kept in memory to be sent twice.
// Players' reports of progress are far smaller.
const maxReplay = 64 << 10

// body is a request's body, replayable or not.
type body struct {
	kept   []byte
	stream *upload // when it is not kept
	length int64
	sent   bool
}

func bodyOf(r *http.Request) (*body, error) {
	switch {
	case r.ContentLength == 0:
		return &body{}, nil
	case r.ContentLength > 0 && r.ContentLength <= maxReplay:
		kept, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		return &body{kept: kept, length: int64(len(kept))}, nil
	}
	if own, ok := r.Body.(*patientBody); ok && sendsFiles(r) {
		own.wait = uploadWait
	}
	return &body{stream: &upload{ReadCloser: r.Body}, length: r.ContentLength}, nil
}

// sendsFiles reports whether r is an upload. Programs write all else themselves and
// need not pause.
func sendsFiles(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind != "application/json" && kind != "application/x-www-form-urlencoded" && !strings.HasPrefix(kind, "text/")
}

// replayable reports whether the body can be sent again.
func (b *body) replayable() bool { return b.stream == nil || !b.sent }

func (b *body) attach(out *http.Request) {
	b.sent = true
	out.ContentLength = b.length
	switch {
	case b.stream != nil:
		out.Body = b.stream
	case len(b.kept) > 0:
		// With GetBody the transport itself repeats what met a connection
		// that the server had just closed (it does so after 5 s idle).
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.kept)), nil }
		out.Body, _ = out.GetBody()
	}
}

// outgoing is c's request as the server gets it.
func (c *call) outgoing(ctx context.Context, token string, b *body, ranged bool) *http.Request {
	out := (&http.Request{
		Method:     c.r.Method,
		URL:        c.upstreamURL(),
		Host:       c.server.cfg.Base.Host,
		Header:     make(http.Header, 8),
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
	}).WithContext(ctx)
	hop := nominated(c.r.Header)
	for name, values := range c.r.Header {
		if (passedOn[name] || strings.HasPrefix(name, "Content-")) && !hop[name] && name != "Content-Length" {
			out.Header[name] = values
		}
	}
	if c.personal() {
		if tags := c.serverTags(c.r.Header["If-None-Match"]); tags != "" {
			out.Header.Set("If-None-Match", tags)
		} else {
			out.Header.Del("If-None-Match")
		}
		out.Header.Del("If-Modified-Since") // a date names no caller
	}
	if !ranged {
		out.Header.Del("Range")
		out.Header.Del("If-Range")
	}
	if out.Header["User-Agent"] == nil {
		out.Header["User-Agent"] = noAgent // else the transport names itself
	}
	out.Header["Accept-Encoding"] = c.encoding()
	if token != "" {
		out.Header["Authorization"] = c.server.bearer.of(token)
	}
	if cookie := c.shareCookieOf(); cookie != "" {
		out.Header.Set("Cookie", cookie)
	}
	maps.Copy(out.Header, c.extra) // the transport may change out.Header, and no value of it
	b.attach(out)
	return out
}

// remainder is the request for the remainder of what c asked for, as long as it is the
// same.
func (c *call) remainder(ctx context.Context, token string, part stream.Span, condition string) *http.Request {
	out := c.outgoing(upstream.NewErrand(ctx, true), token, &body{}, false)
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		delete(out.Header, name)
	}
	out.Header.Set("Range", "bytes="+strconv.FormatInt(part.From, 10)+"-"+strconv.FormatInt(part.End-1, 10))
	out.Header.Set("If-Range", condition)
	out.Header.Set("Accept-Encoding", "identity")
	return out
}

// unpackedRoutes answer with files: packing gains nothing, and what is to be continued
// must have stable offsets.
var unpackedRoutes = route.Parse(`
ANY /public/*
ANY /hls/*
ANY /feed/*
`)

// encoding is what the answer to c may be packed as. The transport unpacks it, since
// what is to be filtered must be readable. Audiobookshelf itself packs nothing; a
// gateway may, and over a slow line a list of books then takes a tenth of the time.
func (c *call) encoding() []string {
	if c.r.Method != http.MethodGet || c.r.Header["Range"] != nil || c.detour != "" ||
		fileRoutes.Matches(http.MethodGet, c.path) || unpackedRoutes.Matches(http.MethodGet, c.path) {
		return unpackedOnly
	}
	return packedToo
}

// Values of headers that nobody changes.
var (
	noAgent      = []string{""}
	unpackedOnly = []string{"identity"}
	packedToo    = []string{upstream.Packed}
)

// lastBearer is the value of Authorization for the token that was used last.
type lastBearer struct{ last atomic.Pointer[[1]string] }

func (l *lastBearer) of(token string) []string {
	const scheme = "Bearer "
	if last := l.last.Load(); last != nil && last[0][len(scheme):] == token {
		return last[:]
	}
	value := &[1]string{scheme + token}
	l.last.Store(value)
	return value[:]
}

// upstreamURL is the address of c's route at the server, without the token
// that the player put into it.
func (c *call) upstreamURL() *url.URL {
	base := c.server.cfg.Base
	path, raw, query := c.path, c.raw, withoutToken(c.r.URL.RawQuery)
	if plain, err := url.PathUnescape(raw); err == nil {
		path = plain // an escaped slash is one character of a name in c.path
	}
	if c.detour != "" {
		path, raw, query = c.detour, (&url.URL{Path: c.detour}).EscapedPath(), ""
	}
	return &url.URL{
		Scheme:   base.Scheme,
		Host:     base.Host,
		Path:     strings.TrimRight(base.Path, "/") + path,
		RawPath:  strings.TrimRight(base.EscapedPath(), "/") + raw,
		RawQuery: query,
	}
}

// nominated are the headers that Connection declares to be for one hop.
func nominated(h http.Header) map[string]bool {
	var names map[string]bool
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			if names == nil {
				names = make(map[string]bool)
			}
			names[textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))] = true
		}
	}
	return names
}
