package absfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

const (
	socketURL = "/socket.io/?EIO=4&transport=websocket"
	pollURL   = "/socket.io/?EIO=4&transport=polling"
)

// socket is a client that knows frames and nothing of the protocol.
type socket struct {
	t      *testing.T
	conn   *websocket.Conn
	answer *http.Response
	err    error         // of the handshake
	frames chan string   // what came
	ended  chan struct{} // closed after code is set
	code   int           // of the close: 1006 where there was no close frame
}

// dial opens a WebSocket.
func (w *world) dial(path string) *socket {
	w.t.Helper()
	transport := w.client.Transport.(*http.Transport)
	d := websocket.Dialer{NetDialContext: transport.DialContext}
	s := &socket{t: w.t, frames: make(chan string, 1000), ended: make(chan struct{})}
	s.conn, s.answer, s.err = d.DialContext(w.t.Context(), "ws://abs.test"+path, nil)
	if s.err != nil {
		close(s.ended)
		return s
	}
	w.t.Cleanup(func() {
		_ = s.conn.Close()
		<-s.ended
	})
	go func() {
		defer close(s.ended)
		for {
			_, data, err := s.conn.ReadMessage()
			if err != nil {
				s.code = websocket.CloseAbnormalClosure
				var closed *websocket.CloseError
				if errors.As(err, &closed) {
					s.code = closed.Code
				}
				return
			}
			s.frames <- string(data)
		}
	}()
	return s
}

// open is dial behind the handshake and the namespace.
func (w *world) open() *socket {
	w.t.Helper()
	s := w.dial(socketURL)
	s.next()
	s.send("40")
	s.next()
	return s
}

// openAs is open behind the authentication.
func (w *world) openAs(name, password string) *socket {
	w.t.Helper()
	s := w.open()
	s.auth(w.loginAs(name, password).access)
	s.await("init")
	return s
}

func (s *socket) send(frames ...string) {
	s.t.Helper()
	for _, f := range frames {
		if err := s.conn.WriteMessage(websocket.TextMessage, []byte(f)); err != nil {
			s.t.Fatalf("send %q: %v", f, err)
		}
	}
}

func (s *socket) auth(token string) { s.send(encodeEvent("auth", token)) }

// next is the next frame; "" is none within a second.
func (s *socket) next() string {
	s.t.Helper()
	select {
	case f := <-s.frames:
		return f
	default:
	}
	select {
	case f := <-s.frames:
		return f
	case <-s.ended:
		s.t.Fatalf("closed (%d, %v) where a frame was due", s.code, s.err)
	case <-time.After(time.Second):
	}
	return ""
}

// await is the first argument of the next event of that name; others before it
// are passed over.
func (s *socket) await(event string) any {
	s.t.Helper()
	for {
		f := s.next()
		if f == "" {
			s.t.Fatalf("no event %s", event)
		}
		if name, arg := eventOf(f); name == event {
			return arg
		}
	}
}

func eventOf(frame string) (name string, arg any) {
	var list []any
	if !strings.HasPrefix(frame, "42") || json.Unmarshal([]byte(frame[2:]), &list) != nil || len(list) == 0 {
		return "", nil
	}
	name, _ = list[0].(string)
	if len(list) > 1 {
		arg = list[1]
	}
	return name, arg
}

// expect fails the test unless exactly that event comes next.
func (s *socket) expect(event string) any {
	s.t.Helper()
	f := s.next()
	name, arg := eventOf(f)
	if name != event {
		s.t.Fatalf("%q came, want the event %s", f, event)
	}
	return arg
}

// silent fails the test when anything comes within a second.
func (s *socket) silent() {
	s.t.Helper()
	if f := s.next(); f != "" {
		s.t.Fatalf("%.200q came, want nothing", f)
	}
}

// closes waits for the end, within a second, and checks its code.
func (s *socket) closes(code int) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(time.Second):
		s.t.Fatal("still open")
	}
	if s.code != code {
		s.t.Fatalf("closed with %d, want %d", s.code, code)
	}
}

// bubbled runs a test within a bubble, against a server with root, alice and bob.
func bubbled(t *testing.T, cfg Config, test func(w *world)) {
	t.Helper()
	if cfg.Users == nil {
		cfg.Users = []User{{Name: "root", Password: "r", Type: "root"}, {Name: "alice", Password: "a"}, {Name: "bob", Password: "b"}}
	}
	synctest.Test(t, func(t *testing.T) { test(newWorld(t, cfg)) })
}

func TestSocketHandshake(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		s := w.dial(socketURL)
		if s.answer.StatusCode != 101 || s.answer.Header.Get("Access-Control-Allow-Origin") != "*" ||
			s.answer.Header.Get("Sec-WebSocket-Extensions") != "" {
			t.Errorf("handshake: %d %v", s.answer.StatusCode, s.answer.Header)
		}
		var sid string
		open := s.next()
		if _, err := fmt.Sscanf(open, `0{"sid":%q,"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
			&sid); err != nil || len(sid) != 20 {
			t.Errorf("open packet %q: %v", open, err)
		}
		s.send("40")
		var other string
		if _, err := fmt.Sscanf(s.next(), `40{"sid":%q}`, &other); err != nil || len(other) != 20 || other == sid {
			t.Errorf("namespace: sid %q after %q, %v", other, sid, err)
		}
		s.send(`42["ping"]`)
		if f := s.next(); f != `42["pong"]` {
			t.Errorf("ping: %q", f)
		}
		s.silent()
	})
}
