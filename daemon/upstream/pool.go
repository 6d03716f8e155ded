package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// idlePerHost is far above the six connections that a browser opens: what many
	// players and pages opened at once is there for the next burst, and idleLife closes it.
	idlePerHost = 64
	// maxStreamBuffer bounds what HTTP/2 holds of one answer for a player that reads
	// slowly. It carries 100 Mbit/s over a round trip of 40 ms. What is under way when a
	// listener goes to another place of a book has to arrive before the new place does.
	maxStreamBuffer = 512 << 10
	// pingAfter and pingDeadline find a dead HTTP/2 connection. Without them all its
	// streams would stall until TCP gives up.
	pingAfter, pingDeadline = 15 * time.Second, 10 * time.Second
)

// pool is the shared connections to one address.
type pool struct {
	upstream *Upstream
	way      *way
	to       *url.URL // nil: servers that are not the account's

	shared atomic.Pointer[http.Transport]
	// single is for unsafe requests over HTTP/1.1: see sharedTransport.
	single      *http.Transport
	multiplexed atomic.Bool // the last answer came over HTTP/2
	h2          atomic.Bool // the last TLS handshake here chose HTTP/2

	running atomic.Int64 // requests whose answer has not begun
	most    atomic.Int64 // of them at once, since players became active
	ready   *readyConns  // nil: none are kept
	lines   lines
	secure  *tls.Config // of connections that are made here; net/http changes its own

	born   time.Time
	asked  atomic.Int64 // the last time, in ns since born
	longer atomic.Bool  // connections may rest for longer than those of shared do

	mu   sync.Mutex
	life idleLife
}

func (u *Upstream) newPool(w *way, to *url.URL) *pool {
	p := &pool{upstream: u, way: w, to: to, life: newIdleLife(to), born: time.Now()}
	if to != nil && w.direct(to) {
		p.secure = w.tlsFor(to)
		p.ready = &readyConns{changed: u.readying.signal}
	}
	p.lines.life.Store(int64(p.life.now))
	p.shared.Store(p.newTransport())
	p.single = p.newTransport()
	p.single.DisableKeepAlives = true
	return p
}

func (p *pool) newTransport() *http.Transport {
	t := p.upstream.newTransport(p.way, p.to, p.dial)
	t.ForceAttemptHTTP2 = true
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingDeadline, MaxReceiveBufferPerStream: maxStreamBuffer}
	t.MaxIdleConnsPerHost = idlePerHost
	t.IdleConnTimeout = p.life.now
	if p.ready != nil {
		t.DialTLSContext = p.dialTLS
	}
	return t
}

// transportOf returns the connections for a request: see sharedTransport.
func (p *pool) transportOf(e *Errand) *http.Transport {
	if e.ready || p.multiplexed.Load() {
		return p.shared.Load()
	}
	return p.single
}

// roundTrip sends a request. One that may be repeated, and failed on a connection that
// had waited for it, is sent once more: the server may just have closed it.
func (p *pool) roundTrip(r *http.Request, e *Errand) (*http.Response, error) {
	now := p.running.Add(1)
	for most := p.most.Load(); now > most && !p.most.CompareAndSwap(most, now); most = p.most.Load() {
	}
	defer p.running.Add(-1)
	p.rested()
	var resp *http.Response
	var err error
	stale, onLine := false, p.takesLine(r, e)
	if onLine {
		resp, err, stale = p.onLine(r, e)
		onLine = err != errChoseHTTP2
	}
	if !onLine {
		resp, err = roundTrip(p.transportOf(e), r)
		stale = !e.dialed.Load()
	}
	var refused *RefusedError
	if err == nil || !stale || !e.ready || r.Context().Err() != nil || errors.As(err, &refused) {
		return resp, err
	}
	own := NewErrand(r.Context(), false)
	again := r.WithContext(own)
	if r.Body != nil && r.Body != http.NoBody {
		if r.GetBody == nil {
			return nil, err
		}
		body, broken := r.GetBody()
		if broken != nil {
			return nil, err
		}
		again.Body = body
	}
	if p.ready != nil {
		p.ready.drop()
	}
	if onLine {
		p.lines.drop() // the server may have closed all of them
		if resp, err, _ = p.onLine(again, own); err != errChoseHTTP2 {
			return resp, err
		}
	}
	return roundTrip(p.transportOf(e), again)
}

// rested lets connections rest for longer, where that is known, once the old ones are
// gone anyhow.
func (p *pool) rested() {
	now := time.Since(p.born)
	before := time.Duration(p.asked.Swap(int64(now)))
	if !p.longer.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.shared.Load(); now-before > old.IdleConnTimeout && p.longer.Swap(false) {
		p.shared.Store(p.newTransport())
		old.CloseIdleConnections()
	}
}

// answered learns from an answer how long connections may rest.
func (p *pool) answered(resp *http.Response) {
	p.multiplexed.Store(resp.ProtoMajor == 2)
	if resp.ProtoMajor == 1 {
		p.learn(func(l *idleLife) bool { return l.announced(resp.Header.Get("Keep-Alive")) })
	}
}

// learn lets connections rest for another time where something new is known of it. Those
// that rest for too long are closed at once.
func (p *pool) learn(from func(*idleLife) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !from(&p.life) {
		return
	}
	p.lines.live(p.life.now)
	old := p.shared.Load()
	if p.life.now > old.IdleConnTimeout {
		p.longer.Store(true)
		return
	}
	p.longer.Store(false)
	p.shared.Store(p.newTransport())
	old.CloseIdleConnections()
}

func (p *pool) closeIdle() {
	p.shared.Load().CloseIdleConnections()
	p.single.CloseIdleConnections()
	p.lines.drop()
	if p.ready != nil {
		p.ready.drop()
	}
}

// dial opens a connection, or takes one that is ready where the transport itself would
// speak over it as it is.
func (p *pool) dial(ctx context.Context, kind, addr string) (net.Conn, error) {
	if p.ready != nil && p.to.Scheme == "http" {
		if c := p.ready.take(ctx); c != nil {
			return c, nil
		}
	}
	return p.open(ctx, kind, addr)
}

// open opens a connection whose end is noticed while it rests.
func (p *pool) open(ctx context.Context, kind, addr string) (net.Conn, error) {
	if e := errandOf(ctx); e != nil {
		e.dialed.Store(true)
	}
	conn, err := p.upstream.network.DialContext(ctx, kind, addr)
	if t, ok := conn.(*tracked); ok && p.to != nil {
		t.rested = func(d time.Duration) { p.learn(func(l *idleLife) bool { return l.cut(d) }) }
	}
	return conn, err
}
