package wsconn

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// The parameters that a SessionServer announces, as Audiobookshelf does (measured
// on 2.36.0).
const (
	localPing     = 25 * time.Second
	localPatience = 20 * time.Second
)

// MaxPayload bounds a message of a player, in bytes. Audiobookshelf accepts 1 MB, but
// the messages of players are far smaller: a token, or the words of a search.
const MaxPayload = 64 << 10

// maxPlayerConns bounds the players of one account. Each has a socket at the
// server, and no desktop runs as many programs.
const maxPlayerConns = 256

// Player handles the frames of one PlayerConn. Heard gets one frame after the
// other and may block: the next frame is read when it has returned.
type Player interface {
	// Heard gets a text frame that begins with "4", a packet of Socket.IO.
	Heard(frame []byte)
	// Allowed reports whether a frame may still be sent to the player. It is called
	// right before the frame leaves; false closes the connection.
	Allowed(frame []byte) bool
	// Gone is called once, when the connection is closed.
	Gone(why error)
}

// SessionServer serves the live sockets of local players: an Engine.IO 4 server
// with both transports and the upgrade between them. It sends heartbeats of its
// own, so that a player notices no trouble on the way to the ABS server. It knows
// nothing of events and tokens.
type SessionServer struct {
	queued   *budget    // frames that wait for players
	evicting sync.Mutex // held while a slow player is closed

	mu      sync.Mutex
	conns   map[string]*PlayerConn
	closed  bool
	running sync.WaitGroup
}

// NewSessionServer returns an empty SessionServer.
func NewSessionServer() *SessionServer {
	return &SessionServer{queued: newBudget(maxTotalBytes), conns: map[string]*PlayerConn{}}
}

// Close ends every connection with code, waits for its goroutines and accepts no
// new ones.
func (s *SessionServer) Close(code int) {
	s.mu.Lock()
	s.closed = true
	ends := make([]*PlayerConn, 0, len(s.conns))
	for _, e := range s.conns {
		ends = append(ends, e)
	}
	s.mu.Unlock()
	for _, e := range ends {
		e.Close(code, ErrClosed)
	}
	s.running.Wait()
}

// Len returns the number of connections.
func (s *SessionServer) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// fault is an error in the form of Engine.IO. engine.io 6.5: lib/server
type fault struct {
	status int
	Code   int    `json:"code"`
	Text   string `json:"message"`
}

var (
	noTransport = fault{http.StatusBadRequest, 0, "Transport unknown"}
	noSession   = fault{http.StatusBadRequest, 1, "Session ID unknown"}
	badMethod   = fault{http.StatusBadRequest, 2, "Bad handshake method"}
	badRequest  = fault{http.StatusBadRequest, 3, "Bad request"}
	badVersion  = fault{http.StatusBadRequest, 5, "Unsupported protocol version"}
	full        = fault{http.StatusServiceUnavailable, 3, "too many live sockets are open"}
	tooLarge    = fault{http.StatusRequestEntityTooLarge, 3, "too much at once"}
)

func (f fault) answer(w http.ResponseWriter) {
	body, _ := json.Marshal(f) // it always encodes
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	_, _ = w.Write(body)
}

// Serve answers one request of a player. It returns when the request is answered,
// or when the WebSocket that it became is closed. owner identifies the caller in
// any form: a caller cannot see the connections of another owner. open is called
// for each new connection and must not block.
func (s *SessionServer) Serve(w http.ResponseWriter, r *http.Request, owner string, open func(*PlayerConn) Player) {
	q := r.URL.Query()
	upgrade, sid := websocket.IsWebSocketUpgrade(r), q.Get("sid")
	transports := q["transport"]
	switch {
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
		return
	case len(transports) != 1 || transports[0] != "polling" && transports[0] != "websocket":
		noTransport.answer(w)
		return
	case len(q["EIO"]) != 1 || q.Get("EIO") != "4":
		badVersion.answer(w)
		return
	case upgrade != (transports[0] == "websocket"), len(q["sid"]) > 1:
		badRequest.answer(w)
		return
	case sid == "" && r.Method != http.MethodGet:
		badMethod.answer(w)
		return
	case sid == "" && upgrade:
		s.openWebsocket(w, r, owner, open)
		return
	case sid == "":
		s.openPolling(w, owner, open)
		return
	}
	e := s.find(sid, owner)
	switch {
	case e == nil:
		noSession.answer(w)
	case upgrade:
		e.upgrade(w, r)
	case r.Method == http.MethodGet:
		e.poll(w, r)
	case r.Method == http.MethodPost:
		e.post(w, r)
	default:
		badMethod.answer(w)
	}
}

func (s *SessionServer) find(sid, owner string) *PlayerConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.conns[sid]; e != nil && e.owner == owner {
		return e
	}
	return nil
}

// begin makes a PlayerConn. It returns nil when there is no room.
func (s *SessionServer) begin(owner string, open func(*PlayerConn) Player) *PlayerConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxPlayerConns {
		return nil
	}
	e := &PlayerConn{
		server: s, id: rand.Text(), owner: owner,
		wake: make(chan struct{}, 1), ponged: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	s.conns[e.id] = e
	e.player = open(e)
	s.running.Go(e.heartbeat)
	return e
}

// openPacket is the open packet. upgrades names the transports that the player
// may change to.
func (e *PlayerConn) openPacket(upgrades ...string) []byte {
	body, _ := json.Marshal(map[string]any{ // it always encodes
		"sid": e.id, "upgrades": append([]string{}, upgrades...),
		"pingInterval": localPing.Milliseconds(), "pingTimeout": localPatience.Milliseconds(), "maxPayload": MaxPayload,
	})
	return append([]byte{byte(EngineOpen)}, body...)
}

func (s *SessionServer) openPolling(w http.ResponseWriter, owner string, open func(*PlayerConn) Player) {
	e := s.begin(owner, open)
	if e == nil {
		full.answer(w)
		return
	}
	e.mu.Lock()
	e.polls = true
	e.mu.Unlock()
	writePoll(w, e.moved, e.openPacket("websocket"))
}

func (s *SessionServer) openWebsocket(w http.ResponseWriter, r *http.Request, owner string, open func(*PlayerConn) Player) {
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	e := s.begin(owner, open)
	if e == nil {
		refused := websocket.FormatCloseMessage(websocket.CloseTryAgainLater, full.Text)
		_ = conn.WriteControl(websocket.CloseMessage, refused, time.Now().Add(closeTimeout))
		_ = conn.Close()
		return
	}
	e.serveWebsocket(conn, e.openPacket())
}

// upgrader checks no origin: the caller of Serve has done that.
var upgrader = websocket.Upgrader{
	CheckOrigin:      func(*http.Request) bool { return true },
	HandshakeTimeout: pieceDeadline,
	WriteBufferSize:  pieceSize,
	WriteBufferPool:  &sync.Pool{}, // idle sockets hold no buffer
}

var (
	errSlow        = errors.New("the player does not read")
	errNoHeartbeat = errors.New("the player's heartbeat is missing")
	errBadInput    = errors.New("the player does not speak Engine.IO")
	errForbidden   = errors.New("the player may not get anything more")
)
