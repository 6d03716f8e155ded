package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"shelfkeeper/daemon/handover"
	"shelfkeeper/daemon/netcause"
	"shelfkeeper/daemon/players"
)

// hostName is the page's own host. Its origin differs from the one at which
// pages of an Audiobookshelf server run, and so do its cookies: those ignore
// ports.
const hostName = "localhost"

// The pauses between two attempts to take a port that is taken. A program that
// goes away is noticed within half a minute, or at once when somebody asks for
// the page.
const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
)

// errNotListening is the answer to a wish for a link while the port is taken.
var errNotListening = errors.New("the status page is not open")

// listen takes the port and serves, and tries again while another program has
// it.
func (s *Server) listen() {
	pause := firstPause
	for {
		listeners, err := take(s.cfg.Kept, s.cfg.Port)
		if failed := s.cfg.Kept.Drop(); failed != nil { // what nobody has taken by now
			s.cfg.Log.Warn("close an address of the daemon before", "reason", failed)
		}
		if err == nil {
			s.setOpen(true)
			s.cfg.Listening(nil)
			err = s.serveAll(listeners)
			s.setOpen(false)
			pause = firstPause
		}
		if s.ctx.Err() != nil {
			return
		}
		s.cfg.Listening(err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.retry:
		case <-s.ctx.Done():
		}
		timer.Stop()
		if s.ctx.Err() != nil {
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// take opens the port at both loopback addresses. "localhost" means either of
// them: with one of them taken, the browser might come out at another program,
// so both are needed. A machine without IPv6 has one.
func take(kept *handover.Sockets, port int) ([]net.Listener, error) {
	v4, err := listenAt(kept, "tcp4", netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	if err != nil {
		return nil, err
	}
	v6, err := listenAt(kept, "tcp6", netip.IPv6Loopback(), port)
	var taken *portTaken
	switch {
	case err == nil:
		return []net.Listener{v4, v6}, nil
	case errors.As(err, &taken):
		return nil, errors.Join(err, v4.Close())
	}
	return []net.Listener{v4}, nil
}

// Free reports whether a page can listen at the port.
func Free(port int) bool {
	listeners, err := take(nil, port)
	for _, l := range listeners {
		_ = l.Close() // nothing came in yet
	}
	return err == nil
}

// otherPatience bounds the question whose page has a port.
const otherPatience = time.Second

// OtherUserHas reports whether a program of another user has the port: the system says
// so, or, where it does not, another page of Shelfkeeper answers there. This user's own
// daemon runs once.
func OtherUserHas(port, ownUID int) bool {
	for _, ip := range []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()} {
		if holder, known := players.HolderOf(netip.AddrPortFrom(ip, uint16(port))); known {
			return holder.UID != ownUID
		}
	}
	client := http.Client{Timeout: otherPatience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + net.JoinHostPort(hostName, strconv.Itoa(port)) + "/style.css")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.Header.Get("Content-Security-Policy") == policy
}

func listenAt(kept *handover.Sockets, network string, ip netip.Addr, port int) (net.Listener, error) {
	at := netip.AddrPortFrom(ip, uint16(port))
	l, err := kept.Listen(context.Background(), net.ListenConfig{}, network, at.String())
	if netcause.PortTaken(err) {
		holder, known := players.HolderOf(at)
		return nil, &portTaken{port: port, holder: holder, known: known, err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("open the status page: %w", err)
	}
	return l, nil
}

// portTaken says who has the page's port.
type portTaken struct {
	port   int
	holder players.Holder
	known  bool
	err    error
}

func (e *portTaken) Error() string {
	who := "another program"
	if e.known {
		who = e.holder.String()
	}
	return "port " + strconv.Itoa(e.port) + " is taken by " + who
}

func (e *portTaken) Unwrap() error { return e.err }

// serveAll serves on every listener until Close or until one of them fails.
func (s *Server) serveAll(listeners []net.Listener) error {
	var running sync.WaitGroup
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		running.Go(func() { ended <- s.http.Serve(l) })
	}
	err := <-ended
	for _, l := range listeners {
		_ = l.Close() // the others end with the first
	}
	running.Wait()
	if err == nil {
		return nil
	}
	return fmt.Errorf("serve the status page: %w", err)
}

func (s *Server) setOpen(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = open
}

func (s *Server) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// tryNow makes a loop that waits try at once.
func (s *Server) tryNow() {
	select {
	case s.retry <- struct{}{}:
	default:
	}
}

// peerConn is what is known of a browser's connection.
type peerConn struct {
	net  net.Conn
	once sync.Once
	peer players.Peer
}

type connKey struct{}

// admit notes the connection, or closes one too many.
func (s *Server) admit(ctx context.Context, c net.Conn) context.Context {
	s.mu.Lock()
	crowded := s.conns > maxConns
	s.mu.Unlock()
	if crowded {
		_ = c.Close() // it is not even read from
	}
	return context.WithValue(ctx, connKey{}, &peerConn{net: c})
}

// count keeps the number of connections. net/http reports StateNew before it
// calls ConnContext.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns++
	case http.StateClosed, http.StateHijacked:
		s.conns--
		s.tidyLocked()
	}
}

// peerOf returns who is at the far end of the request's connection.
func (s *Server) peerOf(r *http.Request) players.Peer {
	c, ok := r.Context().Value(connKey{}).(*peerConn)
	if !ok {
		return players.Peer{}
	}
	c.once.Do(func() { c.peer = s.cfg.PeerOf(c.net) })
	return c.peer
}
