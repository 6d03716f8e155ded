package proxy

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/redact"
)

// Sockets says how websockets to the server are opened. What it returns is
// used for the server's own address only.
type Sockets interface {
	// WebsocketDialer returns a dialer that goes the way other requests go.
	WebsocketDialer() *websocket.Dialer
	// Header returns the headers of the handshake.
	Header() http.Header
}

const (
	// maxFrame is what the server itself takes from a client (abs: Socket.IO's
	// default maxHttpBufferSize; measured on 2.36.0).
	maxFrame = 1_000_000
	// dialWait is what socket.io-client gives a connection to open.
	dialWait = 20 * time.Second
	// socketBuffer is the largest piece of a frame that is written at once.
	socketBuffer = 16 << 10
)

// upgrader answers players. It looks at no origin: the guards have.
var upgrader = websocket.Upgrader{
	CheckOrigin:      func(*http.Request) bool { return true },
	HandshakeTimeout: frameWait,
	WriteBufferSize:  socketBuffer,
	WriteBufferPool:  &sync.Pool{}, // idle sockets hold none
}

// asksForSocket reports whether c opens the one kind of socket there is. The
// server minds the case of the path and the slash at its end (engine.io 6:
// lib/server). A sid would go on with a session that was begun by polling.
func asksForSocket(c *call) bool {
	q := c.r.URL.Query()
	return c.path == "/socket.io/" && websocket.IsWebSocketUpgrade(c.r) && c.r.Method == http.MethodGet &&
		slices.Equal(q["EIO"], []string{"4"}) && slices.Equal(q["transport"], []string{"websocket"}) && q["sid"] == nil
}

// liveSocket connects the player with the server's live socket until either
// goes, or Close ends it. Whatever stands against it is said before the
// upgrade, while the player can still read a status.
func (s *Server) liveSocket(w http.ResponseWriter, c *call) {
	if _, err := s.ask(c.r.Context(), s.cfg.Tokens.Token); err != nil {
		s.refuseSocket(w, c, unavailable(err))
		return
	}
	up, no := s.dialSocket(c.r.Context())
	if no != nil {
		s.refuseSocket(w, c, no)
		return
	}
	defer up.Close()
	own := upgrader
	own.Error = func(w http.ResponseWriter, _ *http.Request, _ int, err error) {
		s.refuse(w, c, badSocket.because(err.Error()))
	}
	down, err := own.Upgrade(w, c.r, nil)
	if err != nil {
		return // it has been answered
	}
	defer down.Close()
	down.SetReadLimit(maxFrame)

	s.stats.active.Add(-1)
	s.stats.sockets.Add(1)
	defer s.stats.active.Add(1)
	defer s.stats.sockets.Add(-1)
	s.log.DebugContext(c.r.Context(), "socket opened")
	r := &relay{s: s, c: c, player: end{conn: down}, server: end{conn: up}, caller: c.caller}
	why := r.run(c.r.Context())
	s.log.DebugContext(context.WithoutCancel(c.r.Context()), "socket closed", "reason", redact.Text(why.Error()))
}

func (s *Server) refuseSocket(w http.ResponseWriter, c *call, no *refusal) {
	if c.r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody is listening any more
	}
	s.refuse(w, c, no)
}

// dialSocket opens a socket to the server. Nothing of the player's address
// goes there: a query may hold its grant, and servers write queries into their
// logs.
func (s *Server) dialSocket(ctx context.Context) (*websocket.Conn, *refusal) {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	to := *s.cfg.Base
	to.Scheme = "ws" + strings.TrimPrefix(to.Scheme, "http")
	to = *to.JoinPath("/socket.io/")
	to.RawQuery = "EIO=4&transport=websocket"
	conn, resp, err := s.cfg.Sockets.WebsocketDialer().DialContext(ctx, to.String(), s.cfg.Sockets.Header())
	switch {
	case err == nil:
		return conn, nil
	case resp == nil:
		return nil, weather.because(redact.Text(err.Error()))
	}
	said := fmt.Sprintf("it answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	switch code := resp.StatusCode; {
	case code == http.StatusBadGateway || code == http.StatusServiceUnavailable || code == http.StatusGatewayTimeout:
		return nil, weather.because(said)
	case code == http.StatusUnauthorized || code == http.StatusProxyAuthRequired || code == http.StatusNetworkAuthenticationRequired:
		return nil, gateway401
	case code/100 == 3:
		return nil, elsewhere
	}
	return nil, socketRefused.because(said)
}
