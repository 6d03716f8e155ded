package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"golang.org/x/sync/errgroup"

	"shelfkeeper/daemon/handover"
	"shelfkeeper/daemon/netcause"
	"shelfkeeper/daemon/players"
)

// PortTaken is the error of Listen when another program has the address.
type PortTaken struct {
	Addr   string
	Holder players.Holder
	Known  bool // Holder was told by the system
	Err    error
}

// Error names the holder where the system tells.
func (e *PortTaken) Error() string {
	if !e.Known {
		return fmt.Sprintf("listen on %s: the port is taken by another program", e.Addr)
	}
	return fmt.Sprintf("listen on %s: the port is taken by %s", e.Addr, e.Holder)
}

// Unwrap returns the system's error.
func (e *PortTaken) Unwrap() error { return e.Err }

// Listen takes addr, a loopback address with a port. A port that is taken is a
// *PortTaken; another is never taken in its stead, since players hold the
// address. It may be called for several addresses before Serve.
func (s *Server) Listen(addr string) error {
	l, err := listenLoopback(s.cfg.Kept, addr)
	if err != nil {
		return err
	}
	return s.Use(l)
}

// CheckListen reports what keeps Listen from taking addr now; nil for nothing.
func CheckListen(addr string) error {
	l, err := listenLoopback(nil, addr)
	if err != nil {
		return err
	}
	return l.Close()
}

func listenLoopback(kept *handover.Sockets, addr string) (net.Listener, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: it is no address such as 127.0.0.1:13379", addr)
	}
	if !ap.Addr().IsLoopback() {
		return nil, fmt.Errorf("listen on %s: only loopback addresses are served", addr)
	}
	l, err := kept.Listen(context.Background(), net.ListenConfig{}, "tcp", addr)
	if netcause.PortTaken(err) {
		holder, known := players.HolderOf(ap)
		return nil, &PortTaken{Addr: addr, Holder: holder, Known: known, Err: err}
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("listen on %s: your user may not open that port: %w", addr, fs.ErrPermission)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// ListenExtra takes addr too, the address of a network that more than this
// machine is on: containers, for one. Through it only a
// sign-in, and the question whether the server is there, come without a grant.
// Addresses of all networks at once are refused: their Host could be anything.
//
// secure is what https is spoken with there. It is nil only where the user has said
// that the network does not leave this machine: whoever listens in on another one
// reads the grants.
func (s *Server) ListenExtra(addr netip.AddrPort, secure *tls.Config) error {
	if addr.Addr().IsUnspecified() || addr.Addr().IsLoopback() || addr.Addr().IsMulticast() || addr.Port() == 0 {
		return fmt.Errorf("listen on %s: it is no address of one network", addr)
	}
	network := "tcp4"
	if addr.Addr().Is6() {
		network = "tcp6"
	}
	l, err := s.cfg.Kept.Listen(context.Background(), listenEarly, network, addr.String())
	if netcause.PortTaken(err) {
		holder, known := players.HolderOf(addr)
		return &PortTaken{Addr: addr.String(), Holder: holder, Known: known, Err: err}
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	if secure != nil {
		l = &secureListener{l, secure, s.log}
	}
	return s.Use(l)
}

// pageHost is where browsers find this server.
func (s *Server) pageHost() string {
	port := s.cfg.Port
	if tcp, ok := s.Addr().(*net.TCPAddr); ok {
		port = tcp.Port
	}
	return net.JoinHostPort(loopbackNames[0], strconv.Itoa(port))
}

// Use adds a listener that is already listening; Close closes it. One that is added
// while Serve runs is served at once. What comes in over one that is no TCP listener
// counts as loopback.
func (s *Server) Use(l net.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	s.listeners = append(s.listeners, l)
	if s.serving {
		s.late.Go(func() {
			if err := s.http.Serve(l); err != nil {
				s.log.Warn("a local address is not served any more", "address", l.Addr().String(), "reason", err)
			}
		})
	}
	return nil
}

// Addr returns the address of the first listener, or nil.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.listeners) == 0 {
		return nil
	}
	return s.listeners[0].Addr()
}

// Serve serves on every listener until Close, and then returns nil. When one
// of them fails, all are closed.
func (s *Server) Serve() error {
	s.mu.Lock()
	listeners := s.listeners
	s.serving = len(listeners) > 0 && !s.closed
	s.mu.Unlock()
	if len(listeners) == 0 {
		return errors.New("serve players: nothing is listening")
	}
	var g errgroup.Group
	for _, l := range listeners {
		g.Go(func() error {
			err := s.http.Serve(l)
			if err == nil {
				return nil
			}
			return errors.Join(fmt.Errorf("serve players: %w", err), s.http.Close())
		})
	}
	return g.Wait()
}

// Close stops listening, lets running requests end while ctx lasts, ends the
// others then, and returns when none runs any more.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	listeners := s.listeners
	s.mu.Unlock()

	s.sockets.Close()
	err := s.http.Shutdown(ctx)
	s.hardStop()
	if err != nil {
		err = s.http.Close()
	}
	if first {
		for _, l := range listeners {
			_ = l.Close() // those that Serve never got; the others are closed already
		}
	}
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.late.Wait()
	s.handlers.Wait()
	s.conns.Wait()
	s.pictures.close()
	s.broadcast.Close()
	s.load.Close()
	return err
}
