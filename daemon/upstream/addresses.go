package upstream

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// ErrUnproven is the error of a request while no address of a server with several
// addresses is proven. Nothing of the request was written: errors.As finds an
// Unwritten method that returns true.
var ErrUnproven error = unprovenError{}

type unprovenError struct{}

func (unprovenError) Error() string   { return "none of the server's addresses answers as the server" }
func (unprovenError) Unwritten() bool { return true }

// provenTimeout is how long a request waits for a proven address. A working
// address is found in less than a second.
const provenTimeout = 5 * time.Second

// addressInUse holds the address to which requests go. A server with one address
// always uses it.
type addressInUse struct {
	mu              sync.Mutex
	common, private *url.URL      // nil while no address is proven
	changed         chan struct{} // closed at the next change
}

func newAddressInUse(u *url.URL) *addressInUse {
	return &addressInUse{common: u, private: u, changed: make(chan struct{})}
}

func (a *addressInUse) use(common, private *url.URL) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.common, a.private = common, private
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *addressInUse) now() (common, private *url.URL) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.common, a.private
}

// wait returns the address for a request as soon as one is in use.
func (a *addressInUse) wait(ctx context.Context, private bool) (*url.URL, error) {
	if to, own := a.now(); private && own != nil {
		return own, nil
	} else if !private && to != nil {
		return to, nil
	}
	ctx, cancel := context.WithTimeout(ctx, provenTimeout)
	defer cancel()
	for {
		a.mu.Lock()
		to, changed := a.common, a.changed
		if private {
			to = a.private
		}
		a.mu.Unlock()
		if to != nil {
			return to, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ErrUnproven
		}
	}
}

// checkAddresses returns the addresses of base's server in the user's order. base
// itself is returned as the given pointer. All must have the same path, so that an
// answer does not depend on the address that was used.
//
// Plain http does not prove which machine answers, and in another network a foreign
// machine may have the same private address. It therefore needs the user's consent.
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

// Addresses returns the server's addresses in the user's order. The caller must
// not change them.
func (u *Upstream) Addresses() []*url.URL { return u.addresses }

// Use chooses the addresses for later requests. common serves the shared pool and
// the websockets, private the connections of Private, which carry the long-lived
// secrets. With nil requests wait and fail with ErrUnproven. Running requests go
// on. An Upstream with several addresses uses none before the first call: the
// caller must first find out which machine answers there.
func (u *Upstream) Use(common, private *url.URL) { u.inUse.use(common, private) }

// InUse returns the addresses of the last Use. A single address is always in use.
func (u *Upstream) InUse() (common, private *url.URL) { return u.inUse.now() }

// Probe returns a Private to one of Addresses, in use or not, to find out which
// server answers there. Its requests name Base like all others. Over plain http it
// sends none of the policy's headers, which are secrets too.
func (u *Upstream) Probe(address *url.URL) *Private {
	p := u.Private()
	p.to, p.probing = address, true
	return p
}
