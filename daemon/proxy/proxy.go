// Package proxy is the local server that players use instead of the Audiobookshelf
// server. It checks each request, sends it on with a valid token, and removes
// every real token from the answer.
//
// It exists because players keep tokens for ever and fail when one expires. Here
// they hold tokens of Shelfkeeper, which do not expire.
//
// Begin with New, Listen and Serve. The guards, in the order in which they look at
// a request, are the variable column in guard.go; the example runs some of them.
// The table of scopes is in scopetable.go, the forwarding in forward.go. The
// packages below hold our own answers (answers), live sockets (livesocket), streams
// that continue after a break (stream), addresses in answers (locations), routes
// (route) and refusals (refusal).
//
// Methods of a Server may be called from several goroutines. A request that goes no
// further gets an answer of package refusal, with its cause and what helps.
//
// The package never rotates a token, never follows a redirect, never stores a
// secret, and never adds a token to a request that it does not know. It answers
// sign-ins itself. In a live socket a player may send only the messages that its
// scope allows, and the package writes each of them anew.
package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"shelfkeeper/daemon/handover"
	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/memory"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/livesocket"
	"shelfkeeper/daemon/proxy/route"
	"shelfkeeper/daemon/proxy/stream"
	"shelfkeeper/daemon/proxy/transfers"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/wsconn"
)

// Tokens gives out the account's access tokens.
type Tokens interface {
	// Token returns a token that is valid now. It may block while one is being
	// renewed, bounded by ctx.
	Token(ctx context.Context) (redact.Secret, error)
	// Suspect says that the server refused the token, and returns another.
	Suspect(ctx context.Context, refused redact.Secret) (redact.Secret, error)
}

// Unavailable is what an error of Tokens may be, to say when to come again and
// what the user can do. Every other error counts as a temporary failure.
type Unavailable interface {
	error
	RetryAfter() time.Duration
	Remedy() string // "" when there is nothing to do but wait
	// Passes reports whether it may be over within seconds, whatever RetryAfter says:
	// it ends when the server is back.
	Passes() bool
}

// Grants knows players by what they hold; see players.Identities for what each
// call promises.
type Grants interface {
	Caller(ctx context.Context, presented string) (players.Caller, error)
	Alive(c players.Caller) bool
	Token(ctx context.Context, c players.Caller) string
}

// Access says who may come in without a grant.
type Access string

// The access policies.
const (
	AccessUser  Access = "user"  // programs of the user who runs the daemon
	AccessGrant Access = "grant" // nobody
)

// Config is what a Server works with. All but Sockets, Journal, Access, Port,
// PeerOf, Log, Visitors and what is told of changes are required.
type Config struct {
	Base      *url.URL          // of the server, with its base path
	Hosts     []string          // under which the server is known beside Base's; may be nil
	Transport http.RoundTripper // follows no redirects, decompresses nothing, has no overall timeout
	Tokens    Tokens
	Grants    Grants
	Sockets   wsconn.Server // the server's live socket; nil: none
	Journal   Journal       // nil: reports of listening are only forwarded
	// Identity returns the account's user and the secrets that must never
	// leave: its real tokens. It is called for every filtered answer and as
	// its body goes on.
	Identity func() (userID string, known []redact.Secret)

	Account Account // for answers of our own

	Access Access // default AccessUser
	OwnUID int    // of the user who runs the daemon
	// PeerOf returns who is at the far end of a connection; default
	// players.PeerOf. It is called at most once a connection.
	PeerOf func(net.Conn) players.Peer
	// ExtraHosts are names for this machine that players at extra addresses
	// use, as host.docker.internal.
	ExtraHosts []string
	// TrustedOrigins are origins of programs in a webview, in lower case, as
	// "tauri://localhost". What a browser sends for a page of theirs counts as
	// sent by a local program. OriginGrant returns the caller as which programs of
	// an origin come in that the user trusts with a grant, to listen; it may be nil.
	TrustedOrigins []string
	OriginGrant    func(origin string) (players.Caller, bool)
	// Port is the port in the Host that players send, where the listener is
	// no TCP listener and so does not know.
	Port int
	// Kept are addresses that the daemon before has left open; nil for none.
	Kept *handover.Sockets
	// Hold is how long a request that is safe to repeat is held in a temporary
	// failure; 0 is ten seconds, below 0 is not at all.
	Hold time.Duration
	Log  *slog.Logger
	// BecameActive is told when players become active, see Active, and when something
	// begins to be sent to them again. It may be nil.
	BecameActive func()
	// Quiet is told when a player has waited for bytes of the server for a second. It
	// returns at once; it may be nil.
	Quiet func() bool
	// Visitors came before the start. Visited is told when a program comes that they
	// lack, or comes again after an hour; see Server.Visitors. It may be nil.
	Visitors []Visitor
	Visited  func()
	// TransfersChanged is told when something begins or ends to be sent to a
	// player; see Transfers. May be nil.
	TransfersChanged func()
}

// Server is the local server of one account.
type Server struct {
	cfg         Config
	log         *slog.Logger
	prefixes    []string // base paths that players may put before a route
	http        *handover.Server
	stats       counters
	broadcast   *stream.Broadcast
	tracks      *stream.Tracks
	files       stream.Files
	conns       connections
	local       *answers.Local
	shelf       *library.Library
	refused     refusedPrograms
	visitors    visitors
	transfers   transfers.Registry
	pictures    pictures
	webviews    webviews
	wrongGrants slowdown // of pages of foreign origins
	pausing     *pausing
	load        *memory.Load // of what players ask for
	bearer      lastBearer

	begun     time.Time
	stirred   atomic.Int64 // when it was last told that something begins: after so many ns
	lastAsked atomic.Int64 // when a player last asked for something: after so many ns; negative: never

	sockets *livesocket.Sockets

	mu        sync.Mutex
	listeners []net.Listener
	serving   bool           // Serve has begun
	late      sync.WaitGroup // listeners that came afterwards
	closed    bool           // no listener is added any more
	stopped   bool           // no request is begun any more

	handlers sync.WaitGroup
	warming  atomic.Int64 // connections that are being opened ahead
	// hardStop ends the requests that are still running when Close may wait
	// no longer.
	hardStop context.CancelFunc
}

const (
	// readHeaderTimeout ends connections that never finish a request's head.
	readHeaderTimeout = 10 * time.Second
	// keepAlive is long: players pause for minutes, and a connection that is
	// gone when they go on costs them a retry.
	keepAlive = 5 * time.Minute
	// maxHeader leaves room for the cookies of every other program on
	// localhost: cookies ignore ports. They are dropped here.
	maxHeader = 64 << 10
)

// New returns a Server that listens nowhere yet.
func New(cfg Config) (*Server, error) {
	switch {
	case cfg.Base == nil || cfg.Base.Host == "" || cfg.Transport == nil:
		return nil, errors.New("proxy: no server to forward to")
	case cfg.Tokens == nil || cfg.Grants == nil || cfg.Identity == nil:
		return nil, errors.New("proxy: tokens, grants and identity are required")
	}
	switch cfg.Access {
	case "":
		cfg.Access = AccessUser
	case AccessUser, AccessGrant:
	default:
		return nil, errors.New("proxy: unknown access policy " + string(cfg.Access))
	}
	if cfg.PeerOf == nil {
		cfg.PeerOf = players.PeerOf
	}
	if cfg.Hold == 0 {
		cfg.Hold = stream.HoldFor
	}
	s := &Server{cfg: cfg, log: cfg.Log, stats: newCounters(), broadcast: stream.NewBroadcast(), tracks: stream.NewTracks(), begun: time.Now(),
		pausing: newPausing(), load: memory.NewLoad()}
	s.transfers.Changed, s.broadcast.Quiet = cfg.TransfersChanged, cfg.Quiet
	s.visitors.remember(cfg.Visitors)
	s.lastAsked.Store(int64(-activeFor))
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.sockets = s.newSockets()
	s.shelf = library.New(s.askShelf)
	s.local = s.newLocal()
	s.prefixes = []string{route.UsualBasePath}
	if p := strings.TrimRight(cfg.Base.Path, "/"); p != "" && !strings.EqualFold(p, route.UsualBasePath) {
		s.prefixes = append(s.prefixes, p)
	}
	base, cancel := context.WithCancel(context.Background())
	s.hardStop = cancel
	s.http = handover.NewServer(&http.Server{
		Handler:                      s,
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext:                  s.ConnContext,
		ReadHeaderTimeout:            readHeaderTimeout,
		IdleTimeout:                  keepAlive,
		MaxHeaderBytes:               maxHeader,
		ConnState:                    s.conns.state,
		DisableGeneralOptionsHandler: true, // "OPTIONS *" meets the guards like all else
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	})
	return s, nil
}

// Values of headers that nobody changes.
var (
	framesOfOurs = []string{"SAMEORIGIN"}
	readByOurs   = []string{"same-origin"}
)

// ServeHTTP is the way of every request: the guards, then upstream. Its context
// is one of ConnContext.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.handlers.Done()
	s.stats.requests.Add(1)

	c := &call{server: s, r: r, conn: connOf(r.Context()), header: w.Header()}
	if c.conn != nil {
		defer s.conns.done(c.conn.net)
	}
	if r.Body != nil && r.Body != http.NoBody {
		// net/http tells by its own request's body whether a 100 is still due.
		own := *r
		c.body = newPatientBody(w, r)
		own.Body = c.body
		c.r = &own
		defer c.body.giveUp(drainWait)
	}
	// For browsers that say too little about the page that sends a request.
	c.header["X-Frame-Options"], c.header["Cross-Origin-Resource-Policy"] = framesOfOurs, readByOurs
	for _, g := range column {
		if no := g.check(c); no != nil {
			s.refuse(w, c, no)
			return
		}
	}
	if c.caller.Grant != "" {
		s.proved(c)
		if c.body != nil {
			c.body.revoked = func() bool { return s.revoked(c) }
		}
	}
	s.learnWebview(c)
	s.visit(c)
	if c.preflight() {
		s.answerPreflight(w, c)
		return
	}
	if no := s.paused(); no != nil && !s.isReport(c) {
		s.refuse(w, c, no)
		return
	}
	if c.local != nil {
		s.closeAfterStranger(w, c)
		if no := s.local.Answer(c.local, w, s.localRequest(c)); no != nil {
			s.refuse(w, c, no)
		}
		return
	}
	if c.socket {
		s.sockets.Serve(w, c.r, c.caller)
		return
	}
	s.playerAsked()
	if s.stats.active.Add(1) == 1 {
		s.begins()
	}
	defer s.stats.active.Add(-1)
	s.load.Begin()
	defer s.load.End()
	if s.listens(w, c) {
		return
	}
	if s.givePicture(w, c) {
		return
	}
	c.pausable = true
	defer c.over()
	c.piece = s.beginPiece(c)
	defer c.piece.End()
	s.forward(w, c)
}

// enter counts a request in, unless Close has ended.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.handlers.Add(1)
	}
	return !s.stopped
}
