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
// send that every time. A proxy that forwards plain http gets a connection for each
// request, since it may close any without a word.
type Private struct {
	upstream *Upstream
	network  *network
	to       *url.URL // set by the first request
	probing  bool     // the address need not be in use

	mu        sync.Mutex
	dials     int             // how many are still allowed
	way       *way            // of the first request
	transport *http.Transport // nil before the first request
	ahead     *ahead          // nil: the first request dials
}

// Private returns a new connection that is not dialled yet. Close of the Upstream
// does not close it.
func (u *Upstream) Private() *Private {
	p := &Private{upstream: u, dials: 1}
	p.network = newNetwork(u.dial)
	return p
}

// open makes the transport for the first request, which goes to an address of the
// server or, with nil, elsewhere.
func (p *Private) open(w *way, to *url.URL, first *http.Request) *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.transport == nil {
		p.way, p.transport = w, p.upstream.newTransport(w, to, p.dialOnce)
		p.transport.MaxConnsPerHost = 1
		p.transport.MaxIdleConnsPerHost = 1
		// On HTTP/2 a cancelled request cannot be told from a written one.
		p.transport.Protocols = new(http.Protocols)
		p.transport.Protocols.SetHTTP1(true)
		p.transport.DisableKeepAlives = w.forwards(first)
		if p.ahead != nil && to != nil {
			config := privateTLS(w, to)
			p.transport.DialTLSContext = func(ctx context.Context, kind, addr string) (net.Conn, error) {
				return p.dialTLSOnce(ctx, kind, addr, config)
			}
		}
	}
	if p.transport.DisableKeepAlives {
		p.dials = 1
	}
	return p.transport
}

// Do sends one request with the policy's headers and follows no redirect.
func (p *Private) Do(r *http.Request) (*http.Response, error) {
	u := p.upstream
	w, to, err := p.prepare(r)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	out := u.prepare(r.Context(), w, r, to)
	if p.probing && to != nil && to.Scheme != "https" {
		w.removeHeaders(out.Header) // nobody knows yet who answers there
	}
	resp, err := p.open(w, to, out).RoundTrip(out)
	if err != nil {
		return nil, w.atProxy(out, err)
	}
	if resp, err = w.fromProxy(out, resp); err != nil {
		return nil, err
	}
	if to != nil {
		u.restore(resp, r, out, to)
	}
	if resp.Close {
		p.allow()
	}
	return resp, nil
}

// prepare returns how the request leaves, and the address that was in use at the
// first one; nil for a request elsewhere. When another address is in use by now, the
// connection counts as gone: the proof about its address may not hold any more.
func (p *Private) prepare(r *http.Request) (*way, *url.URL, error) {
	p.mu.Lock()
	w := p.way
	p.mu.Unlock()
	if w == nil {
		var err error
		if w, err = p.upstream.way(r.Context()); err != nil {
			return nil, nil, err
		}
	}
	if !p.upstream.sameOrigin(r.URL) {
		return w, nil, nil
	}
	switch _, private := p.upstream.inUse.now(); {
	case p.probing:
	case p.to == nil:
		to, err := p.upstream.inUse.wait(r.Context(), true)
		if err != nil {
			return nil, nil, err
		}
		p.to = to
	case p.to != private:
		return nil, nil, ErrSpent
	}
	return w, p.to, nil
}

// Close cuts the connection, also during a request, and waits for a running dial.
func (p *Private) Close() {
	p.network.Close()
	p.mu.Lock()
	transport, ahead := p.transport, p.ahead
	p.mu.Unlock()
	if ahead != nil {
		<-ahead.done
	}
	if transport != nil {
		transport.CloseIdleConnections()
	}
}

func (p *Private) allow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dials = 1
}

func (p *Private) dialOnce(ctx context.Context, kind, addr string) (net.Conn, error) {
	if conn, err, was := p.take(ctx); was {
		return conn, err
	}
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
