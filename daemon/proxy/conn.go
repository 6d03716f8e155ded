package proxy

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

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

	once    sync.Once
	peer    players.Peer
	learned atomic.Bool // the process at its far end was asked for
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
	owner := ""
	if far, ok := nc.RemoteAddr().(*net.TCPAddr); ok && c.extra {
		owner = far.IP.String()
	}
	s.crowdedOut(s.conns.admit(nc, owner, func() { c.user(s) }))
	if s.conns.manyUnasked() {
		// A burst of connections is accepted faster than it can be asked whose they are. On
		// a busy machine the goroutines that ask would not even begin before some gave way.
		runtime.Gosched()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// crowdedOut closes connections that give way to others.
func (s *Server) crowdedOut(victims []net.Conn) {
	for _, nc := range victims {
		s.stats.mu.Lock()
		s.stats.refused["crowded"]++
		s.stats.mu.Unlock()
		_ = nc.Close()
	}
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
// its far end, and reports whether it does.
func (s *Server) closeAfterStranger(w http.ResponseWriter, c *call) bool {
	if c.conn != nil && c.caller.Grant == "" && c.sender() == answers.Other && !c.page.foreign {
		w.Header().Set("Connection", "close")
		return true
	}
	return false
}

func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// user returns who is at the far end. It may take long.
func (c *conn) user(s *Server) players.Peer {
	c.once.Do(func() {
		c.peer = s.cfg.PeerOf(c.net)
		owner := ""
		switch {
		case !c.peer.Known:
			owner = "somebody"
		case c.peer.UID != s.cfg.OwnUID:
			owner = "user " + strconv.Itoa(c.peer.UID)
		}
		s.crowdedOut(s.conns.tell(c.net, owner))
	})
	return c.peer
}
