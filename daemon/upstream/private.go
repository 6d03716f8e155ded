package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// ErrSpent is the error of a request on a Private whose connection is gone.
// The request was not written: errors.As finds Unwritten() true in it.
var ErrSpent error = spent{}

type spent struct{}

func (spent) Error() string   { return "the private connection is gone" }
func (spent) Unwritten() bool { return true }

// Private is one connection to the server that nobody else uses, HTTP/1.1, so
// that a preflight proves something about the request after it. Use it from
// one goroutine, read each body to its end, and Close it.
//
// It never moves to another connection by surprise. net/http would dial again
// in three cases: no idle connection is left; the pooled one was stale and not
// a byte of the request went out; or a replayable request was cut. Each of
// them ends in a dial, and a Private dials once. A POST is not replayable
// (carrier strips Idempotency-Key), so for it the refused dial proves that
// nothing was written. One more dial is allowed only where an answer announced
// `Connection: close`: some gateways do so every time.
type Private struct {
	upstream  *Upstream
	network   *network
	transport *http.Transport
	to        *url.URL // from the first request on
	probing   bool     // to an address that need not be in use

	mu    sync.Mutex
	dials int // how many more are allowed
}

// Private returns a connection of its own, not yet dialled. It outlives Close
// of the Upstream and must be closed itself.
func (u *Upstream) Private() *Private {
	p := &Private{upstream: u, dials: 1}
	p.network = newNetwork(u.dial)
	p.transport = u.newTransport(p.dialOnce)
	p.transport.MaxConnsPerHost = 1
	p.transport.MaxIdleConnsPerHost = 1
	// On HTTP/2 a cancelled request cannot be told from a written one.
	p.transport.Protocols = new(http.Protocols)
	p.transport.Protocols.SetHTTP1(true)
	return p
}

// Do sends one request with the policy's headers and follows no redirect.
func (p *Private) Do(r *http.Request) (*http.Response, error) {
	out, err := p.prepare(r)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	resp, err := p.transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	if p.upstream.sameOrigin(r.URL) {
		p.upstream.homeward(resp, r, p.to)
	}
	if resp.Close {
		p.allow()
	}
	return resp, nil
}

// prepare returns the request as it leaves, to the address that was in use at
// the first one. Where that is in use no more, its connection is as good as
// gone: what was proved about it may not hold.
func (p *Private) prepare(r *http.Request) (*http.Request, error) {
	out := p.upstream.prepare(r)
	if !p.upstream.sameOrigin(r.URL) {
		return out, nil
	}
	switch _, private := p.upstream.way.now(); {
	case p.probing:
		if p.to.Scheme != "https" {
			for name := range p.upstream.header {
				out.Header.Del(name)
			}
		}
	case p.to == nil:
		to, err := p.upstream.way.wait(r.Context(), true)
		if err != nil {
			return nil, err
		}
		p.to = to
	case p.to != private:
		return nil, ErrSpent
	}
	return p.upstream.toward(out, p.to), nil
}

// Close cuts the connection, whatever runs on it, and waits for a dial under way.
func (p *Private) Close() {
	p.network.Close()
	p.transport.CloseIdleConnections()
}

func (p *Private) allow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dials = 1
}

func (p *Private) dialOnce(ctx context.Context, kind, addr string) (net.Conn, error) {
	p.mu.Lock()
	allowed := p.dials > 0
	if allowed {
		p.dials--
	}
	p.mu.Unlock()
	if !allowed {
		return nil, ErrSpent
	}
	return p.network.DialContext(ctx, kind, addr)
}

var _ interface{ Unwritten() bool } = spent{}

// IsSpent reports whether err says that a private connection was gone before
// the request was written.
func IsSpent(err error) bool { return errors.Is(err, ErrSpent) }
