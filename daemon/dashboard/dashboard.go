// Package dashboard is the status page. There a person without a terminal sees
// how each account is doing, signs in, repairs what is broken, and decides
// which programs may play.
//
// It lies at http://localhost, where no script that a server delivers ever
// runs: those run at 127.0.0.1. It acts through the same methods as the
// command line, and holds no rule about accounts, tokens or players. It shows
// no secret but one: a grant, in the answer to the request that made it. It
// works without scripts; with them it is live. Nothing runs while no page is
// open.
package dashboard

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"shelfkeeper/daemon/handover"
	"shelfkeeper/daemon/players"
)

const (
	// headerLimit and headerTimeout are generous for a browser.
	headerLimit   = 32 << 10
	headerTimeout = 10 * time.Second
	// idleTimeout is how long a connection without a request stays.
	idleTimeout = 30 * time.Second
	// maxConns is room for many tabs. A browser opens six at most.
	maxConns = 64
	// drainTimeout is how long an answer may go on when the daemon ends.
	drainTimeout = time.Second
)

// Config is what a Server works with. Daemon and Port are required.
type Config struct {
	Daemon Daemon
	// Port is the page's own, at each loopback address.
	Port int
	// Kept are addresses that the daemon before has left open; nil for none.
	Kept *handover.Sockets
	// OwnUID is the user whose page it is.
	OwnUID int
	// PeerOf tells who is at the far end of a connection; nil for
	// players.PeerOf.
	PeerOf func(net.Conn) players.Peer
	// Show opens an address in the user's browser; nil where there is no
	// desktop.
	Show func(address string) error
	// TakeScheme lets the desktop bring addresses of a scheme to this daemon,
	// until restore is called; nil where it cannot.
	TakeScheme func(scheme string) (restore func() error, err error)
	// Starts reports whether the daemon starts by itself, and SetStart changes that;
	// nil where the system cannot.
	Starts   func(context.Context) (Start, error)
	SetStart func(context.Context, StartWish) error
	// File is where config.toml lies.
	File string
	// Key seals the sessions of browsers. Zero makes one.
	Key [32]byte
	// Listening is told each time the port is open or could not be opened.
	Listening func(error)
	Log       *slog.Logger
}

// Server serves the page. Make it with New, start it with Start and Close it.
type Server struct {
	cfg    Config
	origin string
	shelf  shelf // of templates
	routes http.Handler
	run    string // differs from that of every other Server
	keys   sessions
	links  links
	signIn signInFlow
	titles titles
	gates  pendingGateways
	checks checks

	ctx     context.Context // of every answer; ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup // the loop that listens, and questions to servers
	retry   chan struct{}  // asks it to try now

	mu      sync.Mutex
	open    bool // the port is
	closed  bool
	http    *handover.Server
	conns   int
	tidy    *time.Timer // runs after the last one; nil before the first
	checked string      // the address that was examined last
}

// New returns a server that does not listen yet.
func New(c Config) *Server {
	if c.PeerOf == nil {
		c.PeerOf = players.PeerOf
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Listening == nil {
		c.Listening = func(error) {}
	}
	s := &Server{cfg: c, origin: "http://" + net.JoinHostPort(hostName, strconv.Itoa(c.Port)), retry: make(chan struct{}, 1),
		run: rand.Text()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if s.keys.key = c.Key; c.Key == [32]byte{} {
		rand.Read(s.keys.key[:]) // never fails (crypto/rand)
	}
	s.routes = s.routing()
	s.http = handover.NewServer(&http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerLimit,
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ConnContext:       s.admit,
		ConnState:         s.count,
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	})
	return s
}

// URL is the page's address.
func (s *Server) URL() string { return s.origin + "/" }

// Start takes the port, or goes on trying until Close. What the start of the program
// took is given back when nobody looks, as what a visit takes is.
func (s *Server) Start() {
	s.mu.Lock()
	s.tidyLocked()
	s.mu.Unlock()
	s.running.Go(s.listen)
}

// Close ends everything and waits for it.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	if s.tidy != nil {
		s.tidy.Stop()
	}
	s.mu.Unlock()
	s.cancel()
	s.signIn.end()
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	s.running.Wait()
	return err
}
