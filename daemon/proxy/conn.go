package proxy

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/route"
)

// conn is what is known of a player's connection.
type conn struct {
	net      net.Conn
	loopback bool
	extra    bool     // it came in over an address that is open to more than this machine
	hosts    []string // the values of Host that name us on it, with the port
	bare     []string // the same without the port

	once sync.Once
	peer players.Peer
}

type connKey struct{}

// ConnContext returns the context of a connection, with what is known of it.
func (s *Server) ConnContext(ctx context.Context, nc net.Conn) context.Context {
	c := &conn{net: nc, loopback: true}
	port := s.cfg.Port
	if far, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.loopback = far.IP.IsLoopback()
	}
	names := loopbackNames
	if near, ok := nc.LocalAddr().(*net.TCPAddr); ok {
		port = near.Port
		if c.extra = !near.IP.IsLoopback(); c.extra {
			names = append([]string{near.IP.String()}, s.cfg.ExtraHosts...)
		}
	}
	for _, host := range names {
		full := net.JoinHostPort(strings.ToLower(host), strconv.Itoa(port))
		c.hosts = append(c.hosts, full)
		c.bare = append(c.bare, strings.TrimSuffix(full, ":"+strconv.Itoa(port)))
	}
	victim, ok := s.conns.admit(nc, c.extra, func() string {
		switch peer := c.user(s.cfg.PeerOf); {
		case !peer.Known:
			return "somebody"
		case peer.UID != s.cfg.OwnUID:
			return "user " + strconv.Itoa(peer.UID)
		}
		return ""
	})
	if !ok {
		victim = nc // it is not even read from
	}
	if victim != nil {
		s.stats.mu.Lock()
		s.stats.refused["crowded"]++
		s.stats.mu.Unlock()
		_ = victim.Close()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// loopbackNames are what players call this machine, the one at which pages
// live first.
var loopbackNames = []string{"127.0.0.1", "localhost", "::1"}

// hasBasePath reports whether path, from which a base path is cut already, has
// another one.
func (s *Server) hasBasePath(path string) bool {
	return slices.ContainsFunc(s.prefixes, func(prefix string) bool { _, has := route.CutPrefix(path, prefix); return has })
}

// proved says that c presents a living grant: its connection is no stranger's.
func (s *Server) proved(c *call) {
	if c.conn != nil {
		s.conns.prove(c.conn.net)
	}
}

// closeAfterStranger lets a connection end with its answer when nobody known is at
// its far end.
func (s *Server) closeAfterStranger(w http.ResponseWriter, c *call) {
	if c.conn != nil && c.caller.Grant == "" && c.sender() == answers.Other && !c.page.foreign {
		w.Header().Set("Connection", "close")
	}
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
