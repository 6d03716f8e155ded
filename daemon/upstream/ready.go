package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"
)

const (
	// readyLife is how long a connection is kept ready: nginx waits 60 s for the first
	// request, and Node as long.
	readyLife = 45 * time.Second
	// readyAgain is the pause after a failure to open one.
	readyAgain = 5 * time.Second
	// readyPlain is how many are kept at most over http, where one costs three packets.
	readyPlain = 6
)

// readyConns are connections on which nothing has been asked yet, TLS included. The
// first request after a pause takes one, so that it costs a single round trip. The
// server may close one at any time, so unsafe requests never take them.
type readyConns struct {
	changed func() // one was taken, or was closed by the other side

	mu    sync.Mutex
	list  []*readyConn
	died  time.Time     // the last time that the other side closed one
	pause time.Duration // until another one is opened then
}

type readyConn struct {
	net.Conn
	below *tracked
	born  time.Time
	ended chan struct{} // closed when nobody watches it any more
}

// take returns a connection that lives as far as the system knows, or nil.
func (r *readyConns) take(ctx context.Context) net.Conn {
	if e := errandOf(ctx); e == nil || !e.ready {
		return nil
	}
	for {
		r.mu.Lock()
		n := len(r.list) - 1
		if n < 0 {
			r.mu.Unlock()
			return nil
		}
		c := r.list[n]
		r.list = r.list[:n]
		r.mu.Unlock()
		if time.Since(c.born) < readyLife+readyAgain && c.release() {
			r.changed()
			return c.Conn
		}
		_ = c.Close()
	}
}

// add keeps a connection.
func (r *readyConns) add(conn net.Conn, below *tracked) {
	c := &readyConn{Conn: conn, below: below, born: time.Now(), ended: make(chan struct{})}
	r.mu.Lock()
	r.list = append(r.list, c)
	r.mu.Unlock()
	go func() {
		defer close(c.ended)
		if waitClosed(below) {
			r.remove(c)
			r.changed()
		}
	}()
}

func (r *readyConns) remove(c *readyConn) {
	r.mu.Lock()
	r.died = time.Now()
	if time.Since(c.born) < readyAgain {
		r.pause = min(max(readyAgain, 2*r.pause), readyLife) // a server that wants none is not dialled without end
	} else {
		r.pause = 0
	}
	for i, one := range r.list {
		if one == c {
			r.list = append(r.list[:i], r.list[i+1:]...)
			break
		}
	}
	r.mu.Unlock()
	_ = c.below.Close()
}

// drop closes all of them.
func (r *readyConns) drop() {
	r.mu.Lock()
	list := r.list
	r.list = nil
	r.mu.Unlock()
	for _, c := range list {
		_ = c.below.Close()
		<-c.ended
	}
}

// rest returns how long no connection is to be opened.
func (r *readyConns) rest() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(0, r.pause-time.Since(r.died))
}

// renew closes those that are too old, and returns how many are left and when the next
// one will be too old.
func (r *readyConns) renew() (n int, next time.Duration) {
	r.mu.Lock()
	var old []*readyConn
	for len(r.list) > 0 && time.Since(r.list[0].born) >= readyLife {
		old = append(old, r.list[0])
		r.list = r.list[1:]
	}
	n, next = len(r.list), readyLife
	if n > 0 {
		next = readyLife - time.Since(r.list[0].born)
	}
	r.mu.Unlock()
	for _, c := range old {
		_ = c.below.Close()
		<-c.ended
	}
	return n, next
}

// release ends the watch of the connection, and reports whether it is open.
func (c *readyConn) release() bool {
	_ = c.below.SetReadDeadline(time.Unix(1, 0))
	<-c.ended
	return c.below.SetReadDeadline(time.Time{}) == nil && established(c.below)
}

// dialTLS opens a connection with TLS, or takes one that is ready.
func (p *pool) dialTLS(ctx context.Context, kind, addr string) (net.Conn, error) {
	if c := p.ready.take(ctx); c != nil {
		return c, nil
	}
	conn, err := p.open(ctx, kind, addr)
	if err != nil {
		return nil, err
	}
	return p.secured(ctx, conn, addr)
}

// secured is secured with the settings of the pool, which learns what was chosen.
func (p *pool) secured(ctx context.Context, conn net.Conn, addr string) (net.Conn, error) {
	over, err := secured(ctx, conn, addr, p.secure)
	if err != nil {
		return nil, err
	}
	p.h2.Store(over.ConnectionState().NegotiatedProtocol == "h2")
	return over, nil
}

// secured makes the handshake on conn, as http.Transport does.
func secured(ctx context.Context, conn net.Conn, addr string, config *tls.Config) (*tls.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName = host
	}
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, handshakeDeadline, errHandshake)
	defer cancel()
	over := tls.Client(belowTLS(conn), config)
	if err := over.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		if cause := context.Cause(ctx); cause == errHandshake {
			err = cause
		}
		return nil, err
	}
	return over, nil
}

var errHandshake error = handshakeError{}

type handshakeError struct{}

func (handshakeError) Error() string   { return "TLS handshake timeout" }
func (handshakeError) Timeout() bool   { return true }
func (handshakeError) Temporary() bool { return true }

// StayReady keeps a connection open and ready for the next request while active reports
// true, and returns at once. Afterwards none is kept, and no timer runs. It may be called
// again at any time.
func (u *Upstream) StayReady(active func() bool) {
	if !canWatchReady {
		return
	}
	u.readying.mu.Lock()
	defer u.readying.mu.Unlock()
	if u.readying.on || u.readying.closed {
		return
	}
	u.readying.on = true
	u.readying.group.Go(func() { u.keepReady(active) })
}

// readying is the goroutine that keeps connections ready.
type readying struct {
	mu         sync.Mutex
	on, closed bool
	ended      context.Context
	end        context.CancelFunc
	changed    chan struct{} // one was taken or lost; holds one
	group      sync.WaitGroup
}

func (k *readying) close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.end()
	k.group.Wait()
}

func (k *readying) signal() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// keepReady runs until players are not active any more.
func (u *Upstream) keepReady(active func() bool) {
	k := &u.readying
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last *pool
	for {
		select {
		case <-timer.C:
		case <-k.changed:
		case <-k.ended.Done():
		}
		p := u.poolInUse()
		if last != nil && last != p {
			last.ready.drop()
		}
		last = p
		k.mu.Lock()
		if k.ended.Err() != nil || !active() {
			k.on = false
			k.mu.Unlock()
			if p != nil {
				p.ready.drop()
				p.most.Store(0)
			}
			return
		}
		k.mu.Unlock()
		next := readyLife
		if p != nil {
			next = p.fill(k)
		}
		timer.Reset(next)
	}
}

// poolInUse returns the pool of the address in use, nil where it keeps nothing ready.
func (u *Upstream) poolInUse() *pool {
	w := u.ready.Load()
	to, _ := u.inUse.now()
	if w == nil || to == nil {
		return nil
	}
	if p := w.poolOf(to); p != nil && p.ready != nil {
		return p
	}
	return nil
}

// wanted is how many connections are kept ready: one, and more where one is needed for
// each request and costs little.
func (p *pool) wanted() int {
	if p.to.Scheme == "https" {
		return 1
	}
	return int(max(1, min(p.most.Load(), readyPlain)))
}

// fill opens what is missing, and returns when to look again.
func (p *pool) fill(k *readying) time.Duration {
	n, next := p.ready.renew()
	if wait := p.ready.rest(); wait > 0 {
		return min(next, wait)
	}
	for ; n < p.wanted(); n++ {
		if err := p.openReady(k); err != nil {
			return min(next, readyAgain)
		}
	}
	return max(next, time.Second)
}

func (p *pool) openReady(k *readying) error {
	addr := hostPort(p.to)
	conn, err := p.open(k.ended, "tcp", addr)
	if err != nil {
		return err
	}
	below, ok := conn.(*tracked)
	if !ok {
		_ = conn.Close()
		return fmt.Errorf("keep a connection ready: %T cannot be watched", conn)
	}
	if p.to.Scheme == "https" {
		if conn, err = p.secured(k.ended, conn, addr); err != nil {
			return err
		}
	}
	p.ready.add(conn, below)
	return nil
}

func hostPort(to *url.URL) string { return net.JoinHostPort(to.Hostname(), port(to)) }
