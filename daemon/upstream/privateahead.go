package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
)

// ahead is a connection that is opened before the first request needs it.
type ahead struct {
	done  chan struct{} // closed when the other fields are set
	conn  net.Conn
	err   error
	taken bool // by the transport; guarded by the Private
}

// Dial begins to open the connection, TLS included, and returns at once. The first
// request to the server then waits for it instead of dialling, and fails as it does.
// Dial does nothing where the address is not known yet, or where a proxy leads to it.
// Call it at most once, before the first request.
func (p *Private) Dial() {
	w := p.upstream.ready.Load()
	_, to := p.upstream.inUse.now()
	if w == nil || to == nil || !w.direct(to) {
		return
	}
	p.mu.Lock()
	p.way, p.to, p.ahead = w, to, &ahead{done: make(chan struct{})}
	a := p.ahead
	p.dials--
	p.mu.Unlock()
	go func() {
		defer close(a.done)
		a.conn, a.err = p.openAhead(w, to)
	}()
}

// openAhead ends when the network is closed, or after the deadlines of a dial and a handshake.
func (p *Private) openAhead(w *way, to *url.URL) (net.Conn, error) {
	ctx := context.Background()
	conn, err := p.network.DialContext(ctx, "tcp", hostPort(to))
	if err != nil || to.Scheme != "https" {
		return conn, err
	}
	return secured(ctx, conn, hostPort(to), privateTLS(w, to))
}

// privateTLS is for a connection that speaks HTTP/1.1 and nothing else.
func privateTLS(w *way, to *url.URL) *tls.Config {
	config := w.tlsFor(to)
	config.NextProtos = []string{"http/1.1"}
	return config
}

// take returns the connection that was opened ahead, where it was and nobody has it yet.
func (p *Private) take(ctx context.Context) (conn net.Conn, err error, was bool) {
	p.mu.Lock()
	a := p.ahead
	if a == nil || a.taken {
		p.mu.Unlock()
		return nil, nil, false
	}
	a.taken = true
	p.mu.Unlock()
	select {
	case <-a.done:
		return a.conn, a.err, true
	case <-ctx.Done():
		return nil, ctx.Err(), true // Close cuts what may still come
	}
}

// dialTLSOnce is dialOnce with the handshake.
func (p *Private) dialTLSOnce(ctx context.Context, kind, addr string, config *tls.Config) (net.Conn, error) {
	if conn, err, was := p.take(ctx); was {
		return conn, err
	}
	conn, err := p.dialOnce(ctx, kind, addr)
	if err != nil {
		return nil, err
	}
	return secured(ctx, conn, addr, config)
}
