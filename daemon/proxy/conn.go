package proxy

import (
	"context"
	"net"
	"strconv"
	"sync"

	"shelfkeeper/daemon/players"
)

// conn is what is known of a player's connection.
type conn struct {
	net      net.Conn
	loopback bool
	hosts    [3]string // the values of Host that name us on it

	once sync.Once
	peer players.Peer
}

type connKey struct{}

func (s *Server) connContext(ctx context.Context, nc net.Conn) context.Context {
	c := &conn{net: nc, loopback: true}
	port := s.cfg.Port
	if far, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.loopback = far.IP.IsLoopback()
	}
	if near, ok := nc.LocalAddr().(*net.TCPAddr); ok {
		port = near.Port
	}
	for i, host := range [...]string{"127.0.0.1", "localhost", "::1"} {
		c.hosts[i] = net.JoinHostPort(host, strconv.Itoa(port))
	}
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// user returns who is at the far end.
func (c *conn) user(peerOf func(net.Conn) players.Peer) players.Peer {
	c.once.Do(func() { c.peer = peerOf(c.net) })
	return c.peer
}
