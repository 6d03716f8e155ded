package upstream

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// ErrUnproven is the error of a request while none of a server's several
// addresses is known to lead to it. Nothing of the request was written:
// errors.As finds Unwritten() true in it.
var ErrUnproven error = unproven{}

type unproven struct{}

func (unproven) Error() string   { return "none of the server's addresses answers as the server" }
func (unproven) Unwritten() bool { return true }

// provenWait is how long a request waits for an address to be proved: an
// address that works is found in less than a second.
const provenWait = 5 * time.Second

// way says which address requests go to. Where a server has only one, it is
// always that.
type way struct {
	mu              sync.Mutex
	common, private *url.URL // nil: none
	found           chan struct{}
}

func newWay(u *url.URL) *way { return &way{common: u, private: u, found: make(chan struct{})} }

func (w *way) use(common, private *url.URL) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.common, w.private = common, private
	close(w.found)
	w.found = make(chan struct{})
}

func (w *way) now() (common, private *url.URL) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.common, w.private
}

// wait returns the address for a request, once there is one.
func (w *way) wait(ctx context.Context, private bool) (*url.URL, error) {
	ctx, cancel := context.WithTimeout(ctx, provenWait)
	defer cancel()
	for {
		w.mu.Lock()
		to, found := w.common, w.found
		if private {
			to = w.private
		}
		w.mu.Unlock()
		if to != nil {
			return to, nil
		}
		select {
		case <-found:
		case <-ctx.Done():
			return nil, ErrUnproven
		}
	}
}

// checkAddresses returns the addresses of base's server in the user's order,
// base itself being the very pointer that was given. They must end in the same
// path, so that nothing in an answer depends on the one that was used.
//
// Plain http proves nothing about who answers, and in another network somebody
// else's machine has the same private address: it takes the user's word.
func checkAddresses(base *url.URL, addresses []*url.URL, trustHTTP bool) ([]*url.URL, error) {
	if len(addresses) == 0 {
		return []*url.URL{base}, nil
	}
	var out []*url.URL
	seen := map[string]bool{}
	for _, a := range addresses {
		own, err := checkBase(a)
		switch {
		case err != nil:
			return nil, err
		case seen[own.String()]:
			return nil, fmt.Errorf("%w: address %s is given twice", ErrPolicy, own)
		case own.EscapedPath() != base.EscapedPath():
			return nil, fmt.Errorf("%w: address %s must end in the same path as %s", ErrPolicy, own, base)
		case own.Scheme == "http" && !trustHTTP:
			return nil, fmt.Errorf("%w: address %s is plain http, where nothing proves which machine answers: use https, or set trust_http = true",
				ErrPolicy, own)
		case own.String() == base.String():
			own = base
		}
		seen[own.String()] = true
		out = append(out, own)
	}
	if !seen[base.String()] {
		return nil, fmt.Errorf("%w: the addresses do not name %s, which was signed in to", ErrPolicy, base)
	}
	return out, nil
}

// Addresses returns the server's addresses in the user's order. They are not
// to be changed.
func (u *Upstream) Addresses() []*url.URL { return u.addresses }

// Use sends what follows to these of Addresses: common what many requests
// share, private the connections of Private, which carry what lives longest.
// With nil they wait, and end with ErrUnproven. What runs goes on. An Upstream
// with several addresses uses none until it is told to: the caller has to find
// out first who answers there.
func (u *Upstream) Use(common, private *url.URL) { u.way.use(common, private) }

// InUse returns what Use was told last. Where there is only one address, it is
// in use.
func (u *Upstream) InUse() (common, private *url.URL) { return u.way.now() }

// Probe is a Private to one of Addresses, whether or not it is in use, with
// which to find out who answers there. Requests are made with Base, as all
// are. To plain http it takes no headers of the policy: they are secrets too.
func (u *Upstream) Probe(address *url.URL) *Private {
	p := u.Private()
	p.to, p.probing = address, true
	return p
}

// toward turns a request to the base, which is the caller's to change, to
// another address of the server.
func (u *Upstream) toward(r *http.Request, to *url.URL) *http.Request {
	if to != u.base {
		own := *r.URL
		own.Scheme, own.Host = to.Scheme, to.Host
		r.URL, r.Host = &own, to.Host
	}
	return r
}

// homeward makes an answer one to asked, a request to the base, and a redirect
// within the address that was used one within the base: nobody else knows that
// address.
func (u *Upstream) homeward(resp *http.Response, asked *http.Request, used *url.URL) {
	if used == u.base {
		return
	}
	resp.Request = asked
	target, err := url.Parse(resp.Header.Get("Location"))
	if err == nil && sameOrigin(target, used) {
		target.Scheme, target.Host = u.base.Scheme, u.base.Host
		resp.Header.Set("Location", target.String())
	}
}
