package absfake

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// hijack takes the connection of a request; nil: it has none of its own.
func hijack(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	return conn
}

// socketConn is the connection of a WebSocket. Through it pass the faults that
// strike its request, and the stall of all sockets.
type socketConn struct {
	net.Conn
	s      *Server
	head   []byte // what came before the connection was taken over
	shape  *shaper
	after  time.Duration // of a fault that cuts after a while
	begun  bool
	lost   atomic.Bool     // a fault has cut it
	ctx    context.Context // ends when the connection is cut
	cancel context.CancelFunc
	once   sync.Once
	timer  *ownedTimer // for after; guarded by Server.mu
	rec    *recorder   // of the request
}

// newSocketConn takes the connection over; nil: there is none.
func newSocketConn(s *Server, w http.ResponseWriter, r *http.Request) *socketConn {
	shape, ok := w.(*shaper)
	if !ok {
		return nil
	}
	conn, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	c := &socketConn{Conn: conn, s: s, after: shape.cutAfter, rec: shape.recorder}
	if n := brw.Reader.Buffered(); n > 0 {
		c.head, _ = brw.Reader.Peek(n)
	}
	c.ctx, c.cancel = context.WithCancel(r.Context())
	rec := shape.recorder
	rec.status = http.StatusSwitchingProtocols
	rec.ledger.wrote(rec.entry, rec.status, 0)
	own := *shape
	own.recorder = &recorder{ResponseWriter: wireWriter{conn}, entry: rec.entry, ledger: rec.ledger, status: rec.status}
	own.ctx, own.cutAfter = c.ctx, 0
	c.shape = &own
	return c
}

// begin makes the faults count from here: the 101 is not of the body.
func (c *socketConn) begin() {
	c.begun = true
	if c.after > 0 {
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		c.timer = c.s.afterLocked(c.after, func() {
			c.lost.Store(true)
			c.cut()
		})
	}
}

// end is called when the request is done with.
func (c *socketConn) end() {
	c.cut()
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.timer.stop()
	if c.lost.Load() {
		c.rec.cut = true
	}
}

// cut closes the connection, also while others wait on it, and may be called repeatedly.
func (c *socketConn) cut() {
	c.once.Do(func() {
		c.cancel()
		_ = c.Conn.Close()
	})
}

// reset is cut, but the other end sees a reset where the network has such.
func (c *socketConn) reset() {
	conn := c.Conn
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = over.NetConn()
	}
	if l, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = l.SetLinger(0)
	}
	c.cut()
}

func (c *socketConn) Close() error { c.cut(); return nil }

func (c *socketConn) Read(p []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	if !c.pass() {
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *socketConn) Write(p []byte) (int, error) {
	if !c.begun {
		return c.Conn.Write(p)
	}
	if !c.pass() {
		return 0, net.ErrClosed
	}
	n, err := c.shape.Write(p)
	if err != nil {
		if errors.Is(err, errCut) {
			c.lost.Store(true)
		}
		c.cut()
	}
	return n, err
}

// pass waits while all sockets are stalled; false: the connection was cut.
func (c *socketConn) pass() bool {
	for {
		c.s.mu.Lock()
		stalled := c.s.sockets.stalled
		c.s.mu.Unlock()
		if stalled == nil {
			return c.ctx.Err() == nil
		}
		select {
		case <-stalled:
		case <-c.ctx.Done():
			return false
		}
	}
}

// wireWriter lets a shaper write to a connection.
type wireWriter struct{ net.Conn }

func (w wireWriter) Header() http.Header                 { return http.Header{} }
func (w wireWriter) WriteHeader(int)                     {}
func (w wireWriter) SetWriteDeadline(at time.Time) error { return w.Conn.SetWriteDeadline(at) }
