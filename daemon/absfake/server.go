// Package absfake is a double of an Audiobookshelf server for tests, the demo
// and simulations. It has each release's token rotation, error texts, headers
// and byte ranges. It makes faults on demand, and its ledger counts what
// reaches the server.
//
// It has no dependency on the packages that it is used to test, since a codec
// shared with them would hide their mistakes. It never opens a connection of
// its own. It keeps everything in memory and runs on whatever clock time.Now
// shows, so within a testing/synctest bubble hours pass at once. Of Socket.IO
// it lacks the script for browsers, and the events of routes that it does not
// have.
package absfake

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// ErrClosed is returned by Serve after Close.
var ErrClosed = errors.New("absfake: closed")

// idleTimeout is how long an idle connection stays open: Node announces five
// seconds and closes a second later (measured: 6.0 s).
const idleTimeout = 6 * time.Second

// Server is one Audiobookshelf server. All methods may be called concurrently.
type Server struct {
	cfg     Config
	facts   facts
	library *Library
	casts   *Library // nil: none
	ledger  *Ledger
	http    *http.Server

	mu     sync.Mutex
	secret []byte

	mobileRedirects map[string]string // OpenID state → where the app wants its code
	users           []*user
	sessions        []*authSession
	apiKeys         []*apiKey
	feeds           []*feed
	playing         []*playback
	sockets         socketHub
	listened        []*playback // playback sessions with time listened, open or not
	devices         map[string]*device
	express         map[string]*expressSession // by connect.sid
	auth            authSettings
	limiter         map[string]*bucket
	faults          []*armedFault
	chance          *rand.Rand
	run             context.Context // ends with the process: at Restart and at Close
	die             context.CancelFunc
	conns           map[net.Conn]struct{}
	listeners       map[net.Listener]struct{}
	closed          bool

	handling sync.WaitGroup // handlers
	open     sync.WaitGroup // connections
}

// New makes a server; it serves nothing until Handler, Serve or Listen is used.
func New(cfg Config) (*Server, error) {
	cfg, f, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, facts: f,
		library:   newLibrary(cfg),
		casts:     newPodcasts(cfg),
		ledger:    newLedger(cfg.LedgerSize),
		secret:    cfg.Secret,
		devices:   map[string]*device{},
		auth:      newAuthSettings(),
		chance:    rand.New(rand.NewPCG(cfg.Seed, 0x9e3779b97f4a7c15)),
		conns:     map[net.Conn]struct{}{},
		listeners: map[net.Listener]struct{}{},
	}
	if len(s.secret) == 0 {
		s.secret = newSecret()
	}
	s.startLocked()
	if !cfg.Uninitialised {
		for _, u := range cfg.Users {
			if u.Password == "" && u.Type != "root" {
				return nil, fmt.Errorf("%w: user %q has no password; only root may", ErrConfig, u.Name)
			}
			s.addUserLocked(u.Name, u.Password, u.Type, !u.Disabled)
		}
	}
	s.http = &http.Server{
		Handler:        s.Handler(),
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: 1 << 20, // our own limit answers first, as Node does
		ConnState:      s.connState,
		ErrorLog:       log.New(logWriter{cfg.Log}, "", 0),
	}
	return s, nil
}

func newSecret() []byte {
	b := make([]byte, 64)
	_, _ = cryptorand.Read(b)
	return b
}

// startLocked begins a life of the process: what only memory held is gone.
func (s *Server) startLocked() {
	s.run, s.die = context.WithCancel(context.Background())
	s.limiter = map[string]*bucket{}
	s.express = map[string]*expressSession{}
	s.mobileRedirects = map[string]string{}
	s.playing = nil
}

// Handler is the server as an http.Handler. Close and Restart end its requests,
// but connections belong to the one that serves it.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Library describes the books.
func (s *Server) Library() *Library { return s.library }

// Podcasts describes the podcasts, nil without Config.Podcasts.
func (s *Server) Podcasts() *Library { return s.casts }

// Ledger is what has happened, seen from the server.
func (s *Server) Ledger() *Ledger { return s.ledger }

// Release is the release this server shows.
func (s *Server) Release() Release { return s.facts.release }

// Serve answers on l until Close, or until l fails. It closes l and returns
// ErrClosed after Close.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = l.Close()
		return ErrClosed
	}
	s.listeners[l] = struct{}{}
	s.open.Add(1)
	s.mu.Unlock()
	defer s.open.Done()

	err := s.http.Serve(l)
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
	if errors.Is(err, http.ErrServerClosed) {
		return ErrClosed
	}
	return fmt.Errorf("serve: %w", err)
}

// connState keeps the connections, so that Restart can cut them and Close can
// wait for them.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
		s.mu.Lock()
		s.conns[c] = struct{}{}
		dead := s.closed
		s.mu.Unlock()
		if dead {
			_ = c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		s.open.Done()
	}
}

// Restart ends the process and starts it again: connections, playback sessions
// and the limiter are lost; users, auth sessions, progress and the secret stay.
// It may be called from anywhere; requests in flight end without an answer.
func (s *Server) Restart() {
	s.mu.Lock()
	s.die()
	s.killSocketsLocked()
	conns := make([]net.Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	if !s.closed {
		s.startLocked()
	}
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
	s.cfg.Log.Debug("absfake: restarted", "connections", len(conns))
}

// Close stops serving, cuts every connection and waits until no goroutine of
// the server is left. Closing again does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.die()
	s.killSocketsLocked()
	s.mu.Unlock()
	err := s.http.Close() // listeners and connections
	s.handling.Wait()
	s.open.Wait()
	return err
}
