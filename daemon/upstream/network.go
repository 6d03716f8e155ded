package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// network dials and keeps a list of its connections, so that Close can cut them: a
// transport closes only its idle ones.
type network struct {
	dial    dialFunc
	unacked time.Duration // the dialer's TCP_USER_TIMEOUT
	// dials counts the running calls of dial. net/http continues them after the
	// end of the request that started them.
	dials     sync.WaitGroup
	abandoned atomic.Int64 // connections that were found dead

	mu     sync.Mutex
	closed bool
	open   map[*tracked]struct{}
	cancel map[*context.CancelFunc]struct{}
}

func newNetwork(dial dialFunc) *network {
	return &network{dial: dial, unacked: unackedTimeout, open: map[*tracked]struct{}{}, cancel: map[*context.CancelFunc]struct{}{}}
}

// DialContext dials within dialDeadline.
func (n *network) DialContext(ctx context.Context, kind, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialDeadline)
	defer cancel()
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil, ErrClosed
	}
	n.dials.Add(1)
	defer n.dials.Done()
	n.cancel[&cancel] = struct{}{}
	n.mu.Unlock()

	conn, err := n.dial(ctx, kind, addr)

	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cancel, &cancel)
	if err != nil {
		return nil, err
	}
	if n.closed {
		_ = conn.Close()
		return nil, ErrClosed
	}
	t := &tracked{Conn: conn, network: n, window: watchZeroWindow(conn, n.unacked), writes: newPromptWrites(conn)}
	n.open[t] = struct{}{}
	return t, nil
}

// Close cuts every connection and waits for dials under way.
func (n *network) Close() {
	n.mu.Lock()
	n.closed = true
	for cancel := range n.cancel {
		(*cancel)()
	}
	conns := make([]*tracked, 0, len(n.open))
	for c := range n.open {
		conns = append(conns, c)
	}
	n.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
	n.dials.Wait()
}

// closeFrom cuts the connections with one of these local addresses.
func (n *network) closeFrom(local []netip.Addr) int {
	n.mu.Lock()
	var lost []*tracked
	for c := range n.open {
		if at, err := netip.ParseAddrPort(c.LocalAddr().String()); err == nil && slices.Contains(local, at.Addr().Unmap().WithZone("")) {
			lost = append(lost, c)
		}
	}
	n.mu.Unlock()
	for _, c := range lost {
		_ = c.Close()
	}
	return len(lost)
}

// tracked is a connection that leaves its network's list when it is closed.
type tracked struct {
	net.Conn
	network *network
	window  *zeroWindow // nil: none
	writes  *promptWrites
	rest    rest
	rested  func(time.Duration) // told how long it rested when the other side closes it; nil: nobody
	closed  atomic.Bool         // by us
	dead    atomic.Bool         // and why: see abandon
}

// Read implements net.Conn.
func (t *tracked) Read(b []byte) (int, error) {
	return t.read(t.Conn.Read(b))
}

// read takes notice of what a Read returned, and returns it.
func (t *tracked) read(n int, err error) (int, error) {
	switch {
	case n > 0:
		t.rest.read()
	case err == io.EOF && t.rested != nil && !t.closed.Load(): // a lost network ends it with another error
		t.rested(t.rest.ended())
	case err != nil && t.dead.Load():
		return n, errUnanswered
	}
	return n, err
}

// Write implements net.Conn.
func (t *tracked) Write(b []byte) (int, error) {
	n, unsent := t.writes.now(b, t.rest.wrote())
	if unsent {
		t.window.written()
	}
	if n == len(b) {
		return n, nil
	}
	m, err := t.writes.wait(b[n:])
	return n + m, err
}

// SetWriteDeadline implements net.Conn.
func (t *tracked) SetWriteDeadline(until time.Time) error { return t.writes.deadline(until) }

// SetDeadline implements net.Conn.
func (t *tracked) SetDeadline(until time.Time) error {
	return errors.Join(t.Conn.SetReadDeadline(until), t.writes.deadline(until))
}

// raw returns the connection as the system knows it.
func (t *tracked) raw() (syscall.RawConn, error) {
	c, ok := t.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return c.SyscallConn()
}

// Close closes the connection.
func (t *tracked) Close() error {
	t.closed.Store(true)
	t.network.mu.Lock()
	delete(t.network.open, t)
	t.network.mu.Unlock()
	t.window.close()
	return t.Conn.Close()
}

// rest measures how long a connection has rested: since an answer came, and nothing
// was asked. A few bytes may come just before its end: TLS and HTTP/2 say goodbye.
type rest struct {
	mu       sync.Mutex
	last     time.Time     // something was read
	gap      time.Duration // between the last two reads without a write in between
	answered bool          // nothing was written since the last read
}

// goodbye is how long before its end a connection may still say something.
const goodbye = 300 * time.Millisecond

func (r *rest) read() {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := now.Sub(r.last); !r.answered {
		r.gap = 0
	} else if d > goodbye {
		r.gap = d
	}
	r.last, r.answered = now, true
}

// wrote reports whether something was read since the write before.
func (r *rest) wrote() (answered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	answered, r.answered = r.answered, false
	return answered
}

// ended returns how long the connection rested at its end, 0 when it did not.
func (r *rest) ended() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := time.Since(r.last)
	switch {
	case !r.answered:
		return 0
	case d < goodbye:
		return r.gap
	}
	return d
}
