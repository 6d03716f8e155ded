package wsconn

import (
	"context"
	"net"
	"strings"
	"sync"
)

// counted is a network that counts the connections open at one time.
type counted struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu         sync.Mutex
	open, most int
	dials      int
}

func (c *counted) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := c.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dials++
	c.open++
	c.most = max(c.most, c.open)
	return &countedConn{Conn: conn, of: c}, nil
}

func (c *counted) numbers() (open, most, dials int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open, c.most, c.dials
}

type countedConn struct {
	net.Conn
	of   *counted
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		c.of.open--
	})
	return c.Conn.Close()
}

// lines is a log that a test can read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) count(s string) int { return strings.Count(l.String(), s) }
