package survival

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/service"
	"shelfkeeper/daemon/session"
)

// door is the daemon's proxy in one process, and what players reach it by.
type door struct {
	proxy   *proxy.Server
	way     *passage
	players *http.Client
	served  chan error
}

// local is the port that players put into Host.
const local = 13379

func open(l *life, s *session.Session, base *url.URL) (*door, error) {
	p, err := proxy.New(proxy.Config{
		Base: base, Transport: &connections{life: l}, Tokens: service.Tokens{Session: s}, Grants: noGrants{}, Identity: s.Secrets, Port: local,
		PeerOf: func(net.Conn) players.Peer { return players.Peer{Known: true} },
	})
	if err != nil {
		return nil, err
	}
	d := &door{proxy: p, way: &passage{through: make(chan net.Conn), closed: make(chan struct{})}, served: make(chan error, 1)}
	if err := p.Use(d.way); err != nil {
		return nil, err
	}
	d.players = &http.Client{Transport: &http.Transport{DialContext: d.way.dial, DisableKeepAlives: true}}
	go func() { d.served <- p.Serve() }()
	return d, nil
}

// play is a player's request.
func (d *door) play(no int) ending {
	ctx, cancel := context.WithTimeout(context.Background(), playerPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:13379"+numbered(no), nil)
	if err != nil {
		return failed
	}
	resp, err := d.players.Do(r)
	if err != nil {
		return failed
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return endingOf(resp.StatusCode, err)
}

// close cuts every player off and waits for the proxy to end.
func (d *door) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = d.proxy.Close(ctx) // that it was cut off is what ctx asks for
	<-d.served
}

// idleFor is how long the daemon keeps an idle connection (also daemon/upstream:
// idleDeadline).
const idleFor = 4 * time.Second

// connections are the daemon's to the server. One that has answered is kept for
// the next request for a while, unless its network has gone.
type connections struct {
	life *life
	mu   sync.Mutex
	idle []idleConn
}

type idleConn struct {
	*conn
	since time.Time
}

func (c *connections) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(turn(r))
	conn := c.take()
	resp, err := conn.Do(r)
	if err != nil {
		conn.Close()
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, idleConn{conn, time.Now()}) // the answer is whole, see world.serve
	return resp, nil
}

// turn is a nothing of time that lets requests which one renewal sets free go in the
// order of their numbers: only one of them gets the idle connection.
func turn(r *http.Request) time.Duration {
	no, err := strconv.Atoi(r.URL.Query().Get("no"))
	if err != nil {
		return 0 // of the proxy itself
	}
	return time.Duration(1+no) * time.Nanosecond
}

// take returns an idle connection, or a new one.
func (c *connections) take() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.idle) > 0 {
		last := c.idle[len(c.idle)-1]
		c.idle = c.idle[:len(c.idle)-1]
		if time.Since(last.since) < idleFor && last.alive() {
			return last.conn
		}
		last.Close()
	}
	return c.life.connect()
}

// noGrants: every player here is a program of the same user and holds none.
type noGrants struct{}

func (noGrants) Caller(context.Context, string) (players.Caller, error) {
	return players.Caller{}, players.ErrNoGrant
}
func (noGrants) Alive(players.Caller) bool                    { return true }
func (noGrants) Token(context.Context, players.Caller) string { return "" }

// passage is a listener in memory.
type passage struct {
	through chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (p *passage) Accept() (net.Conn, error) {
	select {
	case c := <-p.through:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *passage) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *passage) Addr() net.Addr { return &net.UnixAddr{Name: "players", Net: "unix"} }

func (p *passage) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.through <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
