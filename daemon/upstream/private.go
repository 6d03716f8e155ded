package upstream

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// ErrSpent is the error of a request on a Private whose connection is gone. The
// request was not written: errors.As finds an Unwritten method that returns true.
var ErrSpent error = spentError{}

type spentError struct{}

func (spentError) Error() string   { return "the private connection is gone" }
func (spentError) Unwritten() bool { return true }

// Private is one HTTP/1.1 connection to the server that serves only its owner. A
// preflight on it therefore proves that the next request can travel. Use it from one
// goroutine, read each body to its end, and Close it.
//
// It never changes to another connection unnoticed. net/http dials again in three
// cases: no idle connection is left; the pooled one was stale and no byte of the
// request went out; or a replayable request was cut. A Private dials once, so each
// of these cases ends with ErrSpent. A POST is not replayable (prepare strips
// Idempotency-Key), so for it the refused dial proves that nothing was written. One
// more dial is allowed only after an answer with `Connection: close`: some gateways
// send that every time.
type Private struct {
	upstream  *Upstream
	network   *network
	transport *http.Transport
	to        *url.URL // set by the first request
	probing   bool     // the address need not be in use

	mu    sync.Mutex
	dials int // how many are still allowed
}

// Private returns a new connection that is not dialled yet. Close of the Upstream
// does not close it.
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
		return nil, p.upstream.atProxy(out, err)
	}
	if resp, err = p.upstream.fromProxy(out, resp); err != nil {
		return nil, err
	}
	if p.upstream.sameOrigin(r.URL) {
		p.upstream.restoreBase(resp, r, p.to)
	}
	if resp.Close {
		p.allow()
	}
	return resp, nil
}

// prepare returns the outgoing request, to the address that was in use at the first
// request. When another address is in use by now, the connection counts as gone:
// the proof about its address may not hold any more.
func (p *Private) prepare(r *http.Request) (*http.Request, error) {
	out := p.upstream.prepare(r)
	if !p.upstream.sameOrigin(r.URL) {
		return out, nil
	}
	switch _, private := p.upstream.inUse.now(); {
	case p.probing:
		if p.to.Scheme != "https" {
			for name := range p.upstream.header {
				out.Header.Del(name)
			}
		}
	case p.to == nil:
		to, err := p.upstream.inUse.wait(r.Context(), true)
		if err != nil {
			return nil, err
		}
		p.to = to
	case p.to != private:
		return nil, ErrSpent
	}
	return p.upstream.sendTo(out, p.to), nil
}

// Close cuts the connection, also during a request, and waits for a running dial.
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
