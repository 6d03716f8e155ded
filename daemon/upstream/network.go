package upstream

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
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
	dials sync.WaitGroup

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
	t := &tracked{Conn: conn, network: n, window: watchZeroWindow(conn, n.unacked)}
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
}

// Write implements net.Conn.
func (t *tracked) Write(b []byte) (int, error) {
	t.window.written()
	return t.Conn.Write(b)
}

// Close closes the connection.
func (t *tracked) Close() error {
	t.network.mu.Lock()
	delete(t.network.open, t)
	t.network.mu.Unlock()
	t.window.close()
	return t.Conn.Close()
}
