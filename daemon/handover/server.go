package handover

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// firstRequest is how long the end of a server waits for the request of a connection that
// it has accepted. A player sends it with the connection. A browser also opens
// connections ahead, which nothing may follow on.
const firstRequest = 500 * time.Millisecond

// Server is an http.Server that ends without dropping a request. The Shutdown of
// net/http does drop some: it closes a connection whose request it has read a moment
// before (conn.serve in net/http/server.go). The player would be refused though the next
// daemon waits for it. Make one with NewServer. It is safe for concurrent use.
type Server struct {
	http      *http.Server
	accepting sync.WaitGroup // listeners that may still bring a connection

	mu        sync.Mutex
	ending    bool
	listeners []net.Listener
	unheard   map[net.Conn]struct{} // a request of theirs may have come that no handler has
	heard     chan struct{}         // is closed when there are none; nil while nobody waits
}

// connKey is the key of the connection in the context of its requests.
type connKey struct{}

// NewServer takes over a server that is configured and does not serve yet.
func NewServer(h *http.Server) *Server {
	s := &Server{http: h, unheard: make(map[net.Conn]struct{})}
	handler, state, inner := h.Handler, h.ConnState, h.ConnContext
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if nc, ok := r.Context().Value(connKey{}).(net.Conn); ok {
			s.expect(nc, false)
		}
		handler.ServeHTTP(w, r)
	})
	h.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		ctx = context.WithValue(ctx, connKey{}, nc)
		if inner != nil {
			ctx = inner(ctx, nc)
		}
		return ctx
	}
	h.ConnState = func(nc net.Conn, to http.ConnState) {
		s.expect(nc, to == http.StateNew || to == http.StateActive)
		if state != nil {
			state(nc, to)
		}
	}
	return s
}

// expect says whether a request of a connection may be on its way to its handler.
func (s *Server) expect(nc net.Conn, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if yes {
		s.unheard[nc] = struct{}{}
		return
	}
	delete(s.unheard, nc)
	if len(s.unheard) == 0 && s.heard != nil {
		close(s.heard)
		s.heard = nil
	}
}

// Serve serves on l, and closes it in the end. It returns nil after Shutdown or Close, and
// otherwise why it can't go on.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.ending {
		s.mu.Unlock()
		_ = l.Close() // it may be closed already
		return nil
	}
	s.listeners = append(s.listeners, l)
	s.accepting.Add(1)
	s.mu.Unlock()
	defer s.accepting.Done()
	err := s.http.Serve(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = slices.DeleteFunc(s.listeners, func(o net.Listener) bool { return o == l })
	if s.ending || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting, answers every request that has come on a connection of its
// own, and waits for running requests. It returns the context's error when they take
// longer; Close ends them then.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	s.accepting.Wait()
	s.hear(ctx)
	return s.http.Shutdown(ctx)
}

// Close cuts every connection.
func (s *Server) Close() error {
	s.stop()
	return s.http.Close()
}

func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
	for _, l := range s.listeners {
		_ = l.Close() // what it says is that it is closed already
	}
}

// hear waits until each accepted connection has brought its request to the handler.
func (s *Server) hear(ctx context.Context) {
	s.mu.Lock()
	if len(s.unheard) == 0 {
		s.mu.Unlock()
		return
	}
	if s.heard == nil {
		s.heard = make(chan struct{})
	}
	heard := s.heard
	s.mu.Unlock()
	timer := time.NewTimer(firstRequest)
	defer timer.Stop()
	select {
	case <-heard:
	case <-timer.C:
	case <-ctx.Done():
	}
}
