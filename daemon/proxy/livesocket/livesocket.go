// Package livesocket gives each player a live socket that outlives networks: the
// player's connection stays open, while its own socket at the server comes and goes.
// It passes on only the messages that the player's scope allows, and writes them
// anew.
//
// It never lets a player hold much memory. Messages of players are small, and bounded
// in bytes for each socket and for all of them. Large events of the server are read
// one after the other, and a player that does not read them is closed.
package livesocket

import (
	"context"
	"errors"
	"io"
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

// Path is the path of the live socket. The server distinguishes case, and needs the
// slash at its end (engine.io 6: lib/server).
const Path = "/socket.io/"

const (
	// largeEvents is how many large events of the server are read, searched for
	// tokens and queued at one time. One may have 16 MB (wsconn.MaxPacket).
	largeEvents = 3
	// unsentTotal bounds the messages of all players that wait for the server, in
	// bytes.
	unsentTotal = 4 << 20
)

// Config is the configuration of Sockets. Upstream may be nil: then there is no live
// socket. All other fields are required.
type Config struct {
	Upstream  wsconn.Server     // the server's live socket
	Tokens    wsconn.Tokens     // for signing in to it
	Base      *url.URL          // of the server's REST API
	Transport http.RoundTripper // to it
	// Token returns a token for one request, within a bounded time.
	Token func(ctx context.Context) (redact.Secret, error)
	// Caller returns the caller that presents a credential. It returns
	// refusal.BadGrant for an invalid one, and another refusal when the answer is
	// unknown now.
	Caller func(ctx context.Context, presented string) (players.Caller, *refusal.Refusal)
	// Alive reports whether the caller's grant still exists.
	Alive func(players.Caller) bool
	// Clean returns a frame of size bytes for the caller, without real tokens.
	Clean func(ctx context.Context, c players.Caller, frame io.Reader, size int) ([]byte, error)
	// Asked is called when a player sends a request.
	Asked func()
	// Watch says what is found out of connections to the server. It may be empty.
	Watch wsconn.Watch
	// Paused reports whether no player is served now.
	Paused func() bool
	Log    *slog.Logger
}

// Sockets are the players' live sockets. Each one has its own socket at the server
// while its player is signed in.
type Sockets struct {
	cfg    Config
	server *wsconn.SessionServer
	ctx    context.Context // of all bridges
	stop   context.CancelFunc

	running sync.WaitGroup
	turns   *wsconn.Turns // of large events
	waiting atomic.Int64  // bytes of players' messages that wait for the server
	open    atomic.Int64
	unsent  atomic.Uint64
	mu      sync.Mutex
	bridges map[*bridge]struct{}
	me      reader
}

// New returns Sockets without an open socket.
func New(cfg Config) *Sockets {
	ctx, stop := context.WithCancel(context.Background())
	return &Sockets{
		cfg: cfg, server: wsconn.NewSessionServer(), ctx: ctx, stop: stop, turns: wsconn.NewTurns(largeEvents),
		bridges: map[*bridge]struct{}{}, me: reader{cfg: &cfg},
	}
}

// Offered reports whether there is a live socket.
func (s *Sockets) Offered() bool { return s.cfg.Upstream != nil }

// Open returns the number of open live sockets.
func (s *Sockets) Open() int64 { return s.open.Load() }

// Unsent counts the messages of players that were dropped because too many waited
// for the server.
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

// Serve answers a request of a player's live socket, with either transport. It serves
// a WebSocket until its end.
func (s *Sockets) Serve(w http.ResponseWriter, r *http.Request, caller players.Caller) {
	s.server.Serve(w, r, caller.Grant+" "+caller.SignIn, func(e *wsconn.PlayerConn) wsconn.Player {
		b := newBridge(s, caller, e)
		s.mu.Lock()
		s.bridges[b] = struct{}{}
		s.mu.Unlock()
		s.running.Go(func() {
			if s.cfg.Paused() { // since the request was let in
				e.Close(websocket.CloseGoingAway, errPaused)
			}
			b.run(s.ctx)
			s.mu.Lock()
			delete(s.bridges, b)
			s.mu.Unlock()
		})
		return b
	})
}

// errPaused closes a socket that opens while a pause begins.
var errPaused = errors.New("the account is paused")

// End closes every socket that is open now, without waiting. Others may open
// afterwards.
func (s *Sockets) End(why error) {
	var open []*bridge
	s.each(func(b *bridge) { open = append(open, b) })
	for _, b := range open {
		b.end.Close(websocket.CloseGoingAway, why)
	}
}

// NetworkChanged tells the sockets at the server that the network has changed or time
// has jumped. Open ones are probed, and waiting ones connect now. It returns at once.
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
