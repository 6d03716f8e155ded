package absfake

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// abortPatience is how long a refusal may take to leave; its client waits for it.
const abortPatience = 5 * time.Second

// wsTransport is a session over a WebSocket, without compression. Frames leave
// through a queue, so that who sends never waits. Guarded by Server.mu, but for
// the connection.
type wsTransport struct {
	s       *Server
	x       *socketSession
	conn    *websocket.Conn
	wire    *socketConn
	queue   []string
	closing bool // a close frame follows the queue
	code    int  // its status; 0: it has none
	over    bool // nothing more is to be written
	closeBy *ownedTimer
	wake    chan struct{} // has room for one
	written chan struct{} // closed when nothing more will leave
}

var _ socketTransport = (*wsTransport)(nil)

func (t *wsTransport) name() string { return transportWebsocket }
func (t *wsTransport) ready() bool  { return true }
func (t *wsTransport) discard()     {}

func (t *wsTransport) send(packets []string) {
	if !t.closing && !t.over {
		t.queue = append(t.queue, packets...)
		t.poke()
	}
}

// close sends a close frame without a status and gives the client time for its
// own.
func (t *wsTransport) close(then func()) {
	if t.closing {
		return
	}
	t.closing = true
	if !t.over {
		t.closeBy = t.s.afterLocked(lingerTimeout, t.wire.cut)
		t.poke()
	}
	then()
}

func (t *wsTransport) kill() {
	t.closing, t.over = true, true
	t.closeBy.stop()
	t.wire.cut()
	t.poke()
}

func (t *wsTransport) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

var websocketKey = regexp.MustCompile(`^[+/0-9A-Za-z]{22}==$`)

// upgradeSocket answers a request for a WebSocket on an engine's path.
func (s *Server) upgradeSocket(w http.ResponseWriter, r *http.Request, run context.Context, engine string) {
	s.mu.Lock()
	x, code := s.verifyLocked(r, engine, true)
	s.mu.Unlock()
	if code != engineFine {
		abortUpgrade(w, "400 Bad Request", "Content-type", engineMessages[code])
		return
	}
	// ws 8.11: lib/websocket-server, handleUpgrade
	version := r.Header.Get("Sec-WebSocket-Version")
	switch {
	case r.Method != http.MethodGet:
		abortUpgrade(w, "405 Method Not Allowed", "Content-Type", "Invalid HTTP method")
		return
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		abortUpgrade(w, "400 Bad Request", "Content-Type", "Invalid Upgrade header")
		return
	case !websocketKey.MatchString(r.Header.Get("Sec-WebSocket-Key")):
		abortUpgrade(w, "400 Bad Request", "Content-Type", "Missing or invalid Sec-WebSocket-Key header")
		return
	case version != "8" && version != "13":
		abortUpgrade(w, "400 Bad Request", "Content-Type", "Missing or invalid Sec-WebSocket-Version header")
		return
	}
	wire := newSocketConn(s, w, r)
	if wire == nil {
		return // nobody is there, as when the answer gets lost
	}
	defer wire.end()
	in := bufio.NewReader(wire)
	conn, err := upgrade(w, r, wire, in)
	if err != nil {
		return
	}
	wire.begin()

	t := &wsTransport{s: s, conn: conn, wire: wire, wake: make(chan struct{}, 1), written: make(chan struct{})}
	s.mu.Lock()
	if s.closed || run.Err() != nil {
		s.mu.Unlock()
		return
	}
	if s.sockets.wires == nil {
		s.sockets.wires = map[*wsTransport]struct{}{}
	}
	s.sockets.wires[t] = struct{}{}
	query := r.URL.Query()
	switch {
	case query.Get("transport") == transportPolling:
		t.close(func() {})
	case x != nil && (x.state == socketClosed || x.candidate != nil || x.upgraded):
		t.close(func() {})
	case x != nil:
		t.x = x
		x.offerLocked(t)
	case query.Get("EIO") != "4":
		t.over = true
	default:
		t.x = s.openSocketLocked(engine, clientAddress(r), t)
	}
	old := t.over
	s.mu.Unlock()

	if old { // the refusal goes down the upgraded connection, where it is no frame
		message := engineMessages[engineOldProtocol]
		_, _ = io.WriteString(wire, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-type: text/html\r\nContent-Length: "+
			strconv.Itoa(len(message))+"\r\n\r\n"+message)
		wire.cut()
	}
	go func() { defer close(t.written); t.write() }()
	t.read(in)
	wire.cut()
	<-t.written
	s.mu.Lock()
	t.closeBy.stop()
	delete(s.sockets.wires, t)
	s.mu.Unlock()
}

// upgrade writes the 101. The subprotocol is the client's first one, if any.
func upgrade(w http.ResponseWriter, r *http.Request, wire *socketConn, in *bufio.Reader) (*websocket.Conn, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Sec-WebSocket-Version", "13") // 8 is framed alike
	u := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	if offered := websocket.Subprotocols(r); len(offered) > 0 {
		u.Subprotocols = offered[:1]
	}
	conn, err := u.Upgrade(upgrading{w, wire, in}, r, http.Header{"Access-Control-Allow-Origin": {"*"}})
	if err == nil {
		conn.SetReadLimit(maxPayload)
		conn.SetCloseHandler(func(code int, reason string) error {
			_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(abortPatience))
			return nil
		})
	}
	return conn, err
}

// upgrading hands out a connection that is hijacked already.
type upgrading struct {
	http.ResponseWriter
	wire *socketConn
	in   *bufio.Reader
}

func (u upgrading) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return u.wire, bufio.NewReadWriter(u.in, bufio.NewWriter(u.wire)), nil
}

// write sends what is queued until the connection is over.
func (t *wsTransport) write() {
	for range t.wake {
		t.s.mu.Lock()
		queue, closing, over, code := t.queue, t.closing, t.over, t.code
		t.queue = nil
		t.s.mu.Unlock()
		if over {
			return
		}
		for _, packet := range queue {
			if t.conn.WriteMessage(websocket.TextMessage, []byte(packet)) != nil {
				t.wire.cut() // the reader tells the session
				return
			}
		}
		if closing {
			var status []byte
			if code != 0 {
				status = websocket.FormatCloseMessage(code, "")
			}
			_ = t.conn.WriteMessage(websocket.CloseMessage, status)
			return
		}
	}
}

// read takes frames until the connection ends.
func (t *wsTransport) read(in *bufio.Reader) {
	for {
		kind, data, err := t.conn.ReadMessage()
		t.s.mu.Lock()
		if err != nil {
			t.endedLocked(err)
			t.s.mu.Unlock()
			var closed *websocket.CloseError
			if !errors.As(err, &closed) && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, context.Canceled) {
				t.drain()
			}
			return
		}
		switch {
		case t.x == nil || t.over:
		case kind == websocket.BinaryMessage:
			t.packetLocked(packetBinary, "")
		case !utf8.Valid(data):
			t.code = websocket.CloseInvalidFramePayloadData
			t.failLocked(reasonTransportError)
		default:
			t.packetLocked(decodePacket(string(data)))
		}
		if t.x != nil && in.Buffered() == 0 {
			t.x.arrivedLocked()
		}
		t.s.mu.Unlock()
	}
}

func (t *wsTransport) packetLocked(kind byte, data string) {
	switch t {
	case t.x.candidate:
		t.x.candidateLocked(t, kind, data)
	case t.x.transport:
		t.x.packetLocked(kind, data)
	}
}

// endedLocked tells the session that the connection is gone.
func (t *wsTransport) endedLocked(err error) {
	t.over = true
	t.poke()
	reason := reasonTransportClose
	var closed *websocket.CloseError
	if !errors.As(err, &closed) && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		reason = reasonTransportError
	}
	t.failLocked(reason)
}

func (t *wsTransport) failLocked(reason string) {
	switch {
	case t.x == nil:
	case t.x.candidate == t:
		t.x.dropCandidateLocked(t)
	case t.x.transport == t:
		t.x.closedLocked(reason)
	}
}

// drain reads on after a broken frame, so that the close frame that answered it
// is not lost to a reset; it ends with the connection or when time is up.
func (t *wsTransport) drain() {
	if half, ok := t.wire.Conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	t.s.mu.Lock()
	if t.closeBy == nil {
		t.closeBy = t.s.afterLocked(lingerTimeout, t.wire.cut)
	}
	t.s.mu.Unlock()
	_, _ = io.Copy(io.Discard, t.wire)
}
