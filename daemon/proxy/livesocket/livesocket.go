// Package livesocket gives each player a live socket that outlives networks:
// the player's end stays open here, and a socket of its own at the server comes
// and goes behind it. What a player says goes on only as far as its scope
// allows, in words of ours.
package livesocket

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/wsconn"
)

// Path is where the live socket is. The server minds the case and the slash at
// its end (engine.io 6: lib/server).
const Path = "/socket.io/"

// maxFrame is what the server itself takes from a client (abs: Socket.IO's
// default maxHttpBufferSize; measured on 2.36.0).
const maxFrame = 1_000_000

// Config is what Sockets work with. Upstream may be nil: then there is no live
// socket. All else is required.
type Config struct {
	Upstream  wsconn.Server     // where the server's live socket is
	Tokens    wsconn.Tokens     // that the server's socket is signed in with
	Base      *url.URL          // of the server's REST API
	Transport http.RoundTripper // to it
	// Token returns a token for one request, within a bounded time.
	Token func(ctx context.Context) (redact.Secret, error)
	// Caller returns who presents a credential; refusal.BadGrant for no good
	// one, another refusal when that cannot be told now.
	Caller func(ctx context.Context, presented string) (players.Caller, *refusal.Refusal)
	// Alive reports whether the caller's grant still holds.
	Alive func(players.Caller) bool
	// Clean returns a frame for the caller without real tokens in it.
	Clean func(ctx context.Context, c players.Caller, frame []byte) ([]byte, error)
	// Asked is told when a player asks for something; Active reports whether
	// players would notice that the server is out of reach.
	Asked  func()
	Active func() bool
	Log    *slog.Logger
}

// Sockets are the players' live sockets. Each one ends here, and has a socket
// of its own at the server while its player is signed in.
type Sockets struct {
	cfg    Config
	server *wsconn.SessionServer
	ctx    context.Context // of all bridges
	stop   context.CancelFunc

	running sync.WaitGroup
	open    atomic.Int64
	unsent  atomic.Uint64
	mu      sync.Mutex
	bridges map[*bridge]struct{}
	me      reader
}

// New returns Sockets of which none is open.
func New(cfg Config) *Sockets {
	ctx, stop := context.WithCancel(context.Background())
	return &Sockets{
		cfg: cfg, server: wsconn.NewSessionServer(), ctx: ctx, stop: stop,
		bridges: map[*bridge]struct{}{}, me: reader{cfg: &cfg},
	}
}

// Offered reports whether there is a live socket at all.
func (s *Sockets) Offered() bool { return s.cfg.Upstream != nil }

// Open returns how many live sockets are open.
func (s *Sockets) Open() int64 { return s.open.Load() }

// Unsent returns how much of what players said nobody could take.
func (s *Sockets) Unsent() uint64 { return s.unsent.Load() }

// Close ends every socket and waits.
func (s *Sockets) Close() {
	s.server.Close(websocket.CloseGoingAway)
	s.stop()
	s.running.Wait()
}

func (s *Sockets) each(f func(*bridge)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := range s.bridges {
		f(b)
	}
}

// Serve answers a request of a player's live socket, whatever its transport,
// and stays with a WebSocket until it is gone.
func (s *Sockets) Serve(w http.ResponseWriter, r *http.Request, caller players.Caller) {
	s.server.Serve(w, r, caller.Grant+" "+caller.SignIn, func(e *wsconn.PlayerConn) wsconn.Player {
		b := newBridge(s, caller, e)
		s.mu.Lock()
		s.bridges[b] = struct{}{}
		s.mu.Unlock()
		s.running.Go(func() {
			b.run(s.ctx)
			s.mu.Lock()
			delete(s.bridges, b)
			s.mu.Unlock()
		})
		return b
	})
}

// NetworkChanged says that the network has changed or time has jumped: every
// player's socket at the server is asked whether it lives, and those that wait
// try again now. It returns at once.
func (s *Sockets) NetworkChanged(reason string) {
	s.each(func(b *bridge) {
		if up := b.upstream(); up != nil {
			up.Check(reason)
		}
	})
}

// Stir tells the sockets at the server that players have become active.
func (s *Sockets) Stir() {
	s.each(func(b *bridge) {
		if up := b.upstream(); up != nil {
			up.PlayersActive()
		}
	})
}
