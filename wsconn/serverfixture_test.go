package wsconn

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// echo is a Player that sends back what it hears.
type echo struct {
	conn *PlayerConn

	mu        sync.Mutex
	heard     []string
	gone      error
	goes      int
	forbidden bool // nothing more may be sent
}

func (e *echo) Heard(frame []byte) {
	e.mu.Lock()
	e.heard = append(e.heard, string(frame))
	e.mu.Unlock()
	if strings.HasPrefix(string(frame), `42["echo"`) {
		e.conn.Send(frame)
	}
}

func (e *echo) Allowed(frame []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.forbidden
}

func (e *echo) Gone(why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = why
	e.goes++
}

func (e *echo) said() (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.heard, " "), e.gone
}

// serverFixture is a SessionServer with its players, in a bubble.
type serverFixture struct {
	t      *testing.T
	server *SessionServer
	l      *pipes
	http   *http.Client

	mu    sync.Mutex
	conns []*echo
	owner string // of the requests
}

func withServer(t *testing.T, test func(t *testing.T, h *serverFixture)) {
	synctest.Test(t, func(t *testing.T) {
		h := &serverFixture{t: t, server: NewSessionServer(), l: &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}, owner: "me"}
		var running sync.WaitGroup
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			h.server.Serve(w, r, h.owner, func(e *PlayerConn) Player {
				p := &echo{conn: e}
				h.mu.Lock()
				defer h.mu.Unlock()
				h.conns = append(h.conns, p)
				return p
			})
		})}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(h.l) }()
		transport := &http.Transport{DialContext: h.l.dial, DisableKeepAlives: true}
		h.http = &http.Client{Transport: transport}
		test(t, h)
		h.server.Close(websocket.CloseGoingAway)
		transport.CloseIdleConnections()
		_ = server.Close()
		<-served
		running.Wait()
		time.Sleep(time.Second) // net/http lingers after a body that was too large
	})
}

const socketPath = "/socket.io/?EIO=4&transport=websocket"

func (h *serverFixture) dial(query string) *websocket.Conn {
	h.t.Helper()
	conn, _, err := (&websocket.Dialer{NetDialContext: h.l.dial}).Dial("ws://sk.test"+socketPath+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return conn
}

func (h *serverFixture) read(conn *websocket.Conn) string {
	h.t.Helper()
	_, frame, err := conn.ReadMessage()
	if err != nil {
		h.t.Fatal(err)
	}
	return string(frame)
}

func (h *serverFixture) ask(ctx context.Context, method, query, body string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "http://sk.test/socket.io/?EIO=4&transport=polling"+query, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	resp, err := h.http.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Error(err)
	}
	return resp.StatusCode, string(text)
}

func (h *serverFixture) get(query string) string {
	h.t.Helper()
	status, body := h.ask(h.t.Context(), "GET", query, "")
	if status != 200 {
		h.t.Fatalf("%d %s", status, body)
	}
	return body
}

// begin opens by polling and returns the query that goes on with it.
func (h *serverFixture) begin() string {
	h.t.Helper()
	var open struct {
		SID                                   string
		Upgrades                              []string
		PingInterval, PingTimeout, MaxPayload int
	}
	if err := json.Unmarshal([]byte(h.get("")[1:]), &open); err != nil || open.SID == "" || len(open.Upgrades) != 1 ||
		open.PingInterval != 25000 || open.PingTimeout != 20000 || open.MaxPayload != MaxPayload {
		h.t.Fatalf("%+v %v", open, err)
	}
	return "&sid=" + open.SID
}

func (h *serverFixture) last() *echo {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conns[len(h.conns)-1]
}
