package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"shelfkeeper/daemon/handover"
)

const (
	// headerTimeout bounds the wait for a request's header. Clients write it in
	// one go.
	headerTimeout = 5 * time.Second

	// headerLimit is many times the size of our clients' headers.
	headerLimit = 16 << 10

	// drainTimeout is how long Close lets answers finish. An answer fits into the
	// socket's buffer, so a client that takes longer does not read.
	drainTimeout = time.Second

	// sendBuffer keeps the kernel from storing old snapshots for a client that
	// does not read (the default of Linux is about 200 KiB).
	sendBuffer = 8 << 10
)

// errClosing is the cause of calls that end because the server closes.
var errClosing = errors.New("the daemon is quitting")

// Server is the daemon's end of the control socket: Listen, Serve, Close.
type Server struct {
	log    *slog.Logger
	peerOf func(net.Conn) peer

	http   *handover.Server
	routes http.Handler            // nil until Serve
	cancel context.CancelCauseFunc // ends every call's context

	mu       sync.Mutex // listener, file, keep, serving, closed
	listener net.Listener
	file     socketFile
	keep     *keeper // nil until Keep
	serving  bool
	closed   bool
	loop     sync.WaitGroup // Serve
	conns    sync.WaitGroup // open connections, and with them their handlers

	close    sync.Once
	closeErr error
}

// Listen opens the socket at path, an absolute path. Its directory must belong to
// the user alone; Listen makes it when it is missing. Clients can connect from
// then on and are answered once Serve runs. A socket that a dead daemon left is
// replaced.
//
// Errors are a *problem.Problem around ErrRunning, ErrPathTooLong, ErrExposed
// or ErrOccupied, or come from the file system. Refused requests go to log;
// nil discards them. The caller must Close the server, served or not.
func Listen(path string, log *slog.Logger) (*Server, error) {
	l, file, err := bind(path)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &Server{listener: l, file: file, log: log, peerOf: peerOf, cancel: cancel}
	h := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }),
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    headerLimit,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       s.admit,
		ConnState:         s.count,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	// Each call has a connection of its own, so an idle daemon holds no timers
	// for connections that may be used again.
	h.SetKeepAlivesEnabled(false)
	s.http = handover.NewServer(h)
	return s, nil
}

// Serve answers clients from d until Close, and then returns nil. It is called
// once.
func (s *Server) Serve(d Daemon) error { return s.answer(routes(d, s.log)) }

// ServeReturns is Serve for a process that is no daemon: it offers ping and takes
// returning browsers, nothing else.
func (s *Server) ServeReturns(r Returns) error { return s.answer(exactly(returnRoutes(r))) }

func (s *Server) answer(routes http.Handler) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	if s.serving {
		s.mu.Unlock()
		return errors.New("serve control socket: served already")
	}
	s.serving = true
	s.routes = s.guarded(routes)
	s.loop.Add(1)
	s.mu.Unlock()
	defer s.loop.Done()

	for {
		l := s.current()
		err := s.http.Serve(l)
		switch {
		case err == nil:
			return nil
		case s.current() == l: // not Keep has closed it
			return fmt.Errorf("serve control socket: %w", err)
		}
	}
}

// Close removes the socket, ends the event streams and the contexts of running
// calls, and waits for all of them and for Serve. Whoever has connected before is
// answered. Later calls return the result of the first one.
func (s *Server) Close() error {
	s.close.Do(func() { s.closeErr = s.shut() })
	return s.closeErr
}

func (s *Server) shut() error {
	s.mu.Lock()
	s.closed = true
	keep, serving := s.keep, s.serving
	s.mu.Unlock()
	if keep != nil {
		keep.end()
		keep.worker.Wait()
	}

	// The name goes first, so that a client finds no daemon instead of a deaf one.
	err := s.file.remove()
	s.cancel(errClosing)
	if serving {
		acceptAll(s.current())
	}

	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // cuts clients that did not read their answer
	}
	if lerr := s.listener.Close(); lerr != nil && !errors.Is(lerr, net.ErrClosed) {
		err = errors.Join(err, fmt.Errorf("close control socket: %w", lerr))
	}
	s.loop.Wait()
	s.conns.Wait()
	return err
}

// peerKey is the key of the peer in a call's context.
type peerKey struct{}

// admit prepares a new connection and finds out its peer.
func (s *Server) admit(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*net.UnixConn); ok {
		_ = c.SetWriteBuffer(sendBuffer) // the system's default size works too
	}
	return context.WithValue(ctx, peerKey{}, s.peerOf(conn))
}

// count keeps conns up to date. net/http reports StateNew within its accept loop, and
// StateClosed once the connection's handler has returned.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.conns.Done()
	}
}
