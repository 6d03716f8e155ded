package upstream

import (
	"net/http"
	"slices"
	"strings"
)

// carrier adds the policy's headers to each request on its way into a transport.
type carrier struct {
	upstream  *Upstream
	transport *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (c *carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	out := c.upstream.prepare(r)
	if !c.upstream.sameOrigin(r.URL) {
		return c.transport.RoundTrip(out)
	}
	to, err := c.upstream.way.wait(r.Context(), false)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	resp, err := c.transport.RoundTrip(c.upstream.toward(out, to))
	if err == nil {
		c.upstream.homeward(resp, r, to)
	}
	return resp, err
}

// prepare returns the request as it leaves; the caller's own stays untouched.
func (u *Upstream) prepare(r *http.Request) *http.Request {
	out := r.WithContext(r.Context())
	out.Header = r.Header.Clone()
	if out.Header == nil {
		out.Header = http.Header{}
	}
	if !isSafe(r.Method) {
		// net/http takes these as leave to send a request a second time after the
		// first was read; ABS does not know them, so it would act twice.
		out.Header.Del("Idempotency-Key")
		out.Header.Del("X-Idempotency-Key")
	}
	if u.sameOrigin(r.URL) {
		u.addHeaders(out.Header)
	}
	return out
}

// Header returns what every request to the server carries, for the websocket
// handshake. The caller owns the copy; it holds secrets.
func (u *Upstream) Header() http.Header {
	h := http.Header{}
	u.addHeaders(h)
	return h
}

func (u *Upstream) addHeaders(h http.Header) {
	// Presence counts: an empty User-Agent is how a caller asks for none.
	if _, own := h["User-Agent"]; !own {
		h.Set("User-Agent", u.userAgent)
	}
	for name, values := range u.header {
		own := h[name]
		h[name] = slices.Clone(values)
		if name == "Cookie" && len(own) > 0 {
			// Both are needed: the gateway's, and those of a sign-in through OpenID.
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
