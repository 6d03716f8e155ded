package upstream

import (
	"net/http"
	"slices"
	"strings"
)

// sharedTransport sends requests through the shared pool, with the policy's headers.
//
// An unsafe request never takes a connection that was idle: a gateway may close it at
// that very moment, and then nobody knows whether the request was done. Over HTTP/1.1
// it has a connection of its own. HTTP/2 says which requests were not looked at.
type sharedTransport struct{ upstream *Upstream }

func (c *sharedTransport) pool(r *http.Request) *http.Transport {
	if isSafe(r.Method) || c.upstream.multiplexed.Load() {
		return c.upstream.transport
	}
	return c.upstream.single
}

// RoundTrip implements http.RoundTripper.
func (c *sharedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	out := c.upstream.prepare(r)
	if !c.upstream.sameOrigin(r.URL) {
		return c.pool(out).RoundTrip(out)
	}
	to, err := c.upstream.inUse.wait(r.Context(), false)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	out = c.upstream.sendTo(out, to)
	resp, err := c.pool(out).RoundTrip(out)
	if err != nil {
		return nil, c.upstream.atProxy(out, err)
	}
	if resp, err = c.upstream.fromProxy(out, resp); err != nil {
		return nil, err
	}
	c.upstream.multiplexed.Store(resp.ProtoMajor == 2)
	c.upstream.restoreBase(resp, r, to)
	return resp, nil
}

// prepare returns the outgoing request and leaves the caller's unchanged.
func (u *Upstream) prepare(r *http.Request) *http.Request {
	out := r.WithContext(r.Context())
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
	if u.sameOrigin(r.URL) {
		u.addHeaders(out.Header)
	}
	return out
}

// Header returns the headers of every request to the server, for the websocket
// handshake. The caller owns the copy. It holds secrets.
func (u *Upstream) Header() http.Header {
	h := http.Header{}
	u.addHeaders(h)
	return h
}

func (u *Upstream) addHeaders(h http.Header) {
	// A present but empty User-Agent means that the caller wants none.
	if _, own := h["User-Agent"]; !own {
		h.Set("User-Agent", u.userAgent)
	}
	for name, values := range u.header {
		own := h[name]
		h[name] = slices.Clone(values)
		if name == "Cookie" && len(own) > 0 {
			// Both are needed: the gateway's cookies and those of an OpenID sign-in.
			h.Set(name, strings.Join(append(own, values...), "; "))
		}
	}
}

// isSafe reports whether a method may be sent twice (RFC 9110, 9.2.1).
func isSafe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}
