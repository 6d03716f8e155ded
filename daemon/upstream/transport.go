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
	e, out := errandOf(r.Context()), r
	switch {
	case e == nil:
		e = &Errand{Context: r.Context(), twice: isSafe(r.Method)}
		out = u.prepare(e, w, r, to)
	case to == u.base && !w.tokenInURL():
		u.dress(out, w, to)
	default: // it goes to another address than r names
		out = u.prepare(r.Context(), w, r, to)
	}
	e.ready = e.mayRepeat(r)
	pool := w.poolOf(to)
	if to == nil {
		return pool.roundTrip(out, e)
	}
	resp, err := pool.roundTrip(out, e)
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
	u.dress(out, w, to)
	return out
}

// dress changes a request into what goes to an address of the server.
func (u *Upstream) dress(out *http.Request, w *way, to *url.URL) {
	if !isSafe(out.Method) {
		// With these headers net/http may send a request a second time after the
		// first was read. ABS ignores them, so it would act twice.
		out.Header.Del("Idempotency-Key")
		out.Header.Del("X-Idempotency-Key")
	}
	if to == nil {
		return
	}
	if to != u.base {
		own := *out.URL
		own.Scheme, own.Host = to.Scheme, to.Host
		out.URL, out.Host = &own, to.Host
	}
	before := out.Header["Authorization"]
	if !w.addHeaders(out.Header, to) || len(before) == 0 {
		return
	}
	if bearer, _ := strings.CutPrefix(before[0], "Bearer "); bearer != out.Header.Get("Authorization") && bearer != "" {
		own := *out.URL
		own.RawQuery = withToken(own.RawQuery, bearer)
		out.URL = &own
	}
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
