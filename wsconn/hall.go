package wsconn

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// What a Hall says of itself, as Audiobookshelf does (measured on 2.36.0).
const (
	localPing     = 25 * time.Second
	localPatience = 20 * time.Second
	// maxPayload is the most that a player may send at once.
	maxPayload = 1_000_000
)

// maxEnds is how many players one account may have at a time. Each has a
// socket at the server, and no desktop runs as many programs.
const maxEnds = 256

// Player is who speaks on an End. Heard is called with one frame after the
// other and may block: the next one is read when it has returned.
type Player interface {
	// Heard gets a text that begins with "4", a packet of Socket.IO.
	Heard(frame []byte)
	// Gone is called once, when nothing can be sent any more.
	Gone(why error)
}

// Hall is where players hold their ends of live sockets: an Engine.IO 4 server
// with both transports and the upgrade between them. Its heartbeats are its
// own, so that a player notices nothing of what happens on the way to the
// server. It knows nothing of events or tokens.
type Hall struct {
	mu      sync.Mutex
	ends    map[string]*End
	closed  bool
	running sync.WaitGroup
}

// NewHall returns an empty Hall.
func NewHall() *Hall { return &Hall{ends: map[string]*End{}} }

// Close ends every End with code, waits for what was started for them, and
// lets no one in any more.
func (h *Hall) Close(code int) {
	h.mu.Lock()
	h.closed = true
	ends := make([]*End, 0, len(h.ends))
	for _, e := range h.ends {
		ends = append(ends, e)
	}
	h.mu.Unlock()
	for _, e := range ends {
		e.Close(code, ErrClosed)
	}
	h.running.Wait()
}

// Len is how many Ends there are.
func (h *Hall) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ends)
}

// fault is an error as Engine.IO tells it. engine.io 6.5: lib/server
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

// Serve answers one request of a player and returns when it is answered, or
// when the WebSocket it has become is gone. owner is who asks, in any form: an
// End that another one opened does not exist for it. open is called when a new
// End begins, and its Player must not wait for anything then.
func (h *Hall) Serve(w http.ResponseWriter, r *http.Request, owner string, open func(*End) Player) {
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
		h.openWebsocket(w, r, owner, open)
		return
	case sid == "":
		h.openPolling(w, owner, open)
		return
	}
	e := h.find(sid, owner)
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

func (h *Hall) find(sid, owner string) *End {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.ends[sid]; e != nil && e.owner == owner {
		return e
	}
	return nil
}

// begin makes an End; nil when there is no room.
func (h *Hall) begin(owner string, open func(*End) Player) *End {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.ends) >= maxEnds {
		return nil
	}
	e := &End{hall: h, id: rand.Text(), owner: owner, wake: make(chan struct{}, 1), ponged: make(chan struct{}, 1), gone: make(chan struct{})}
	h.ends[e.id] = e
	e.player = open(e)
	h.running.Go(e.beat)
	return e
}

// opening is the open packet. upgrades says what the transport may become.
func (e *End) opening(upgrades ...string) []byte {
	body, _ := json.Marshal(map[string]any{ // it always encodes
		"sid": e.id, "upgrades": append([]string{}, upgrades...),
		"pingInterval": localPing.Milliseconds(), "pingTimeout": localPatience.Milliseconds(), "maxPayload": maxPayload,
	})
	return append([]byte{byte(EngineOpen)}, body...)
}

func (h *Hall) openPolling(w http.ResponseWriter, owner string, open func(*End) Player) {
	e := h.begin(owner, open)
	if e == nil {
		full.answer(w)
		return
	}
	e.mu.Lock()
	e.polls = true
	e.mu.Unlock()
	writePoll(w, e.opening("websocket"))
}

func (h *Hall) openWebsocket(w http.ResponseWriter, r *http.Request, owner string, open func(*End) Player) {
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has been answered
	}
	e := h.begin(owner, open)
	if e == nil {
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseTryAgainLater, full.Text), time.Now().Add(lingerWait))
		_ = conn.Close()
		return
	}
	e.first(e.opening())
	e.speak(conn)
}

// writePoll answers a poll.
func writePoll(w io.Writer, body []byte) bool {
	if h, ok := w.(http.ResponseWriter); ok {
		h.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		h.Header().Set("Cache-Control", "no-store")
	}
	_, err := w.Write(body)
	return err == nil
}

// upgrader looks at no origin: whoever calls Serve has.
var upgrader = websocket.Upgrader{
	CheckOrigin:      func(*http.Request) bool { return true },
	HandshakeTimeout: frameWait,
	WriteBufferSize:  pieceSize,
	WriteBufferPool:  &sync.Pool{}, // idle sockets hold none
}

var (
	errSlow  = errors.New("the player does not read")
	errMute  = errors.New("the player's heartbeat is missing")
	errNoise = errors.New("the player does not speak Engine.IO")
)
