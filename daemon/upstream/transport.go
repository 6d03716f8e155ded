package upstream

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// sharedTransport sends requests through the shared pool, with the policy's headers.
//
// An unsafe request never takes a connection that was idle: a gateway may close it at
// that very moment, and then nobody knows whether the request was done. Over HTTP/1.1
// it has a connection of its own. HTTP/2 says which requests were not looked at.
type sharedTransport struct{ upstream *Upstream }

// RoundTrip implements http.RoundTripper.
func (c *sharedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	u := c.upstream
	w, err := u.way(r.Context())
	var to *url.URL // nil: not the server's
	if err == nil && u.sameOrigin(r.URL) {
		to, err = u.inUse.wait(r.Context(), false)
	}
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	one := &use{ready: mayRepeat(r)}
	out := u.prepare(context.WithValue(r.Context(), useKey{}, one), w, r, to)
	pool := w.poolOf(to)
	if to == nil {
		return pool.roundTrip(out, one)
	}
	resp, err := pool.roundTrip(out, one)
	if err != nil {
		return nil, w.atProxy(out, err)
	}
	if resp, err = w.fromProxy(out, resp); err != nil {
		return nil, err
	}
	pool.answered(resp)
	unpack(resp, out)
	u.restore(resp, r, out, to)
	return resp, nil
}

// prepare returns the request as it goes to an address of the server, and leaves the
// caller's unchanged. With nil the request is for another server.
func (u *Upstream) prepare(ctx context.Context, w *way, r *http.Request, to *url.URL) *http.Request {
	out := r.WithContext(ctx)
	out.Header = r.Header.Clone()
	if out.Header == nil {
		out.Header = http.Header{}
	}
	if !isSafe(r.Method) {
		// With these headers net/http may send a request a second time after the
		// first was read. ABS ignores them, so it would act twice.
		out.Header.Del("Idempotency-Key")
		out.Header.Del("X-Idempotency-Key")
	}
	if to == nil {
		return out
	}
	if to != u.base {
		own := *r.URL
		own.Scheme, own.Host = to.Scheme, to.Host
		out.URL, out.Host = &own, to.Host
	}
	bearer, _ := strings.CutPrefix(out.Header.Get("Authorization"), "Bearer ")
	if w.addHeaders(out.Header, to) && bearer != out.Header.Get("Authorization") && bearer != "" {
		own := *out.URL
		own.RawQuery = withToken(own.RawQuery, bearer)
		out.URL = &own
	}
	return out
}

// withToken puts the token into a query, in the place of any other.
func withToken(query, token string) string {
	return strings.TrimPrefix(withoutToken(query)+"&token="+url.QueryEscape(token), "&")
}

func withoutToken(query string) string {
	parts := slices.DeleteFunc(strings.Split(query, "&"), func(part string) bool {
		name, _, _ := strings.Cut(part, "=")
		return name == "token"
	})
	return strings.Join(parts, "&")
}

// restore makes resp an answer to asked, the request to the base, although sent went
// to another address or had the token in its own. A redirect within the used address
// becomes one within the base: only this package knows the used address.
func (u *Upstream) restore(resp *http.Response, asked, sent *http.Request, used *url.URL) {
	resp.Request = asked
	tokenInURL := sent.URL.RawQuery != asked.URL.RawQuery
	if used == u.base && !tokenInURL {
		return
	}
	target, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return
	}
	switch ours := sameOrigin(target, used); {
	case target.Host != "" && !ours, target.Host == "" && !tokenInURL:
		return
	case ours:
		target.Scheme, target.Host = u.base.Scheme, u.base.Host
	}
	if tokenInURL {
		target.RawQuery = withoutToken(target.RawQuery)
	}
	resp.Header.Set("Location", target.String())
}

// Header returns the headers of a request to the address in use, for the websocket
// handshake. The caller owns the copy. It holds secrets. The WebsocketDialer adds what
// is missing, once the gateway's secrets are read.
func (u *Upstream) Header() http.Header {
	h := http.Header{}
	if w := u.ready.Load(); w != nil {
		if to, _ := u.inUse.now(); to != nil {
			w.addHeaders(h, to)
		}
	}
	return h
}

// repeatKey is the key of a bool in a request's context.
type repeatKey struct{}

// MayRepeat returns a context with which the Transport may send a request twice, or may
// not, whatever its method. It is for the exceptions: some GETs of the server change
// something, and some POSTs only read.
func MayRepeat(ctx context.Context, may bool) context.Context {
	return context.WithValue(ctx, repeatKey{}, may)
}

// mayRepeat reports whether a request may be sent twice.
func mayRepeat(r *http.Request) bool {
	if may, said := r.Context().Value(repeatKey{}).(bool); said {
		return may && (r.Body == nil || r.Body == http.NoBody || r.GetBody != nil)
	}
	return isSafe(r.Method)
}

// isSafe reports whether a method may be sent twice (RFC 9110, 9.2.1).
func isSafe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}
