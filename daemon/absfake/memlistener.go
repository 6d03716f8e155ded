package absfake

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// MemListener is a listener in memory. It works in a testing/synctest bubble,
// where a real socket would keep the clock from moving.
type MemListener struct {
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
	ports  atomic.Int32
}

var memAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 13378}

// Listen serves on a new in-memory listener until Close; dial it with
// DialContext. Within a bubble it must be called there.
func (s *Server) Listen() *MemListener {
	l := &MemListener{queue: make(chan net.Conn), closed: make(chan struct{})}
	l.ports.Store(40000)
	s.open.Add(1)
	go func() {
		defer s.open.Done()
		_ = s.Serve(l) // ErrClosed: Close is the only end of an in-memory listener
	}()
	return l
}

// Accept waits for the next dial.
func (l *MemListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close refuses further dials.
func (l *MemListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is a loopback address that nothing listens on.
func (l *MemListener) Addr() net.Addr { return memAddr }

// DialContext connects to the server whatever network and addr say. After the
// server has closed it fails like a dial to a port nobody listens on.
func (l *MemListener) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	client, server := net.Pipe()
	peer := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(l.ports.Add(1))}
	select {
	case l.queue <- memConn{server, memAddr, peer}:
		return memConn{client, peer, memAddr}, nil
	case <-l.closed:
		_, _ = client.Close(), server.Close()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: memAddr, Err: fmt.Errorf("%s: %w", addr, syscall.ECONNREFUSED)}
	case <-ctx.Done():
		_, _ = client.Close(), server.Close()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: memAddr, Err: ctx.Err()}
	}
}

// memConn is an end of a pipe with the addresses of a loopback connection.
type memConn struct {
	net.Conn
	local, remote net.Addr
}

func (c memConn) LocalAddr() net.Addr  { return c.local }
func (c memConn) RemoteAddr() net.Addr { return c.remote }

// logWriter gives net/http's own complaints to the logger.
type logWriter struct{ log *slog.Logger }

var _ io.Writer = logWriter{}

func (w logWriter) Write(p []byte) (int, error) {
	w.log.Debug("absfake: " + strings.TrimSpace(string(p)))
	return len(p), nil
}
