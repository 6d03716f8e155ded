package proxy

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/redact"
)

// pipes is a listener in memory, for bubbles.
type pipes struct {
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{queue: make(chan net.Conn), closed: make(chan struct{})} }

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (l *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.queue <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// piped dials sockets to a listener in memory.
type piped struct{ *pipes }

func (p piped) WebsocketDialer() *websocket.Dialer { return &websocket.Dialer{NetDialContext: p.dial} }
func (piped) Header() http.Header                  { return nil }

// inBubble connects a player with a scripted server within a bubble. over is
// closed when the test is.
func inBubble(t *testing.T, script func(conn *websocket.Conn, over chan struct{}), test func(*Server, *websocket.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		far, near := newPipes(), newPipes()
		up := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			script(conn, over)
		})}
		s, err := New(Config{
			Base: &url.URL{Scheme: "http", Host: "abs.example"}, Transport: http.DefaultTransport, Sockets: piped{far},
			Tokens: &fakeTokens{list: []string{access1}}, Grants: &fakeGrants{good: map[string]bool{grant: true}},
			Identity: func() (string, []redact.Secret) { return "u1", nil }, OwnUID: 4711, PeerOf: me, Port: 13379,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Use(near); err != nil {
			t.Fatal(err)
		}
		var served sync.WaitGroup
		served.Go(func() { _ = up.Serve(far) }) // Close is its only end
		served.Go(func() { _ = s.Serve() })
		conn, _, err := (&websocket.Dialer{NetDialContext: near.dial}).Dial("ws://127.0.0.1:13379/socket.io/?"+socketQuery, nil)
		if err != nil {
			t.Fatal(err)
		}
		test(s, conn)
		close(over)
		_ = conn.Close()
		_ = s.Close(t.Context())
		_ = up.Close()
		_ = far.Close()
		served.Wait()
	})
}

// A player that does not read is cut, and so is a server that does not: nothing
// is kept for either.
func TestSocketSlowReader(t *testing.T) {
	t.Run("player", func(t *testing.T) {
		inBubble(t, func(conn *websocket.Conn, _ chan struct{}) {
			began := time.Now()
			for range 100 {
				if err := conn.WriteMessage(websocket.TextMessage, []byte(`42["log","`+strings.Repeat("x", 40<<10)+`"]`)); err != nil {
					t.Error(err) // what comes after the end is still read
				}
			}
			if _, _, err := conn.ReadMessage(); codeOf(err) != plain {
				t.Errorf("ended with %v", err)
			}
			if took := time.Since(began); took < frameWait || took > frameWait+2*lingerWait {
				t.Errorf("cut after %v", took)
			}
		}, func(s *Server, conn *websocket.Conn) {
			time.Sleep(frameWait - time.Second)
			if n := s.Stats().Sockets; n != 1 {
				t.Errorf("%d sockets are open", n)
			}
			time.Sleep(time.Second + 2*lingerWait)
			if n := s.Stats().Sockets; n != 0 {
				t.Errorf("%d sockets are open", n)
			}
		})
	})
	t.Run("server", func(t *testing.T) {
		inBubble(t, func(_ *websocket.Conn, over chan struct{}) { <-over }, func(s *Server, conn *websocket.Conn) {
			began := time.Now()
			for conn.WriteMessage(websocket.TextMessage, []byte(`42["ping"]`)) == nil {
			}
			if took := time.Since(began); took < frameWait || took > frameWait+2*lingerWait {
				t.Errorf("cut after %v", took)
			}
		})
	})
	t.Run("trickling player", func(t *testing.T) { // reads, but too slowly for a frame in one go
		const size = 300 << 10
		inBubble(t, func(conn *websocket.Conn, _ chan struct{}) {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", size))); err != nil {
				t.Error(err)
			}
			_, _, _ = conn.ReadMessage()
		}, func(_ *Server, conn *websocket.Conn) {
			_, src, err := conn.NextReader()
			if err != nil {
				t.Fatal(err)
			}
			total, piece := 0, make([]byte, 4<<10)
			for total < size {
				time.Sleep(frameWait / 20)
				n, err := src.Read(piece)
				if total += n; err != nil {
					t.Errorf("after %d: %v", total, err)
					break
				}
			}
		})
	})
}

// A server that is gone without a word does not hold its player for ever.
func TestSocketSilentServer(t *testing.T) {
	inBubble(t, func(_ *websocket.Conn, over chan struct{}) { <-over }, func(_ *Server, conn *websocket.Conn) {
		began := time.Now()
		_, _, err := conn.ReadMessage()
		if took := time.Since(began); codeOf(err) != cut || took < serverSilence || took > serverSilence+2*lingerWait {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// A player that answers no close frame does not hold Close up.
func TestSocketCloseDoesNotWaitLong(t *testing.T) {
	inBubble(t, func(conn *websocket.Conn, _ chan struct{}) { _, _, _ = conn.ReadMessage() }, func(s *Server, conn *websocket.Conn) {
		synctest.Wait() // the relay stands
		began := time.Now()
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 3*lingerWait {
			t.Errorf("it took %v", took)
		}
	})
}
