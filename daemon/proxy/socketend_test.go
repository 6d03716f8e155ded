package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
)

// What stands in the way is told before the upgrade.
func TestSocketRefusedUpstream(t *testing.T) {
	html := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>" + access1))
		}
	}
	for _, c := range []struct {
		desc     string
		upstream http.HandlerFunc
		name     string
		detail   string
	}{
		{"502 and a page", html(502), "weather", "502"},
		{"504", html(504), "weather", "504"},
		{"404 and a page", html(404), "socket-refused", "404 Not Found"},
		{"200 and a page", html(200), "socket-refused", "200"},
		{"400", html(400), "socket-refused", "400"},
		{"403", html(403), "socket-refused", "403"},
		{"401 of a gateway", html(401), "gateway-401", "sign-in of its own"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://portal.example/", http.StatusFound)
		}, "elsewhere", "redirect"},
		{"cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "weather", "EOF"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			up := httptest.NewServer(c.upstream)
			defer up.Close()
			base, err := url.Parse(up.URL)
			if err != nil {
				t.Fatal(err)
			}
			s, addr := startSockets(t, base)
			resp := handshake(t, addr, "/socket.io/?"+socketQuery)
			reason := resp.Header.Get("Shelfkeeper-Reason")
			if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || s.Stats().Refused[c.name] != 1 || !strings.Contains(reason, c.detail) {
				t.Errorf("%s %v %v", resp.Status, resp.Header, s.Stats().Refused)
			}
			if strings.Contains(reason, "eyJ") {
				t.Error("a token is told")
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		_, addr := startSockets(t, &url.URL{Scheme: "http", Host: l.Addr().String()})
		if resp := handshake(t, addr, "/socket.io/?"+socketQuery); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s %v", resp.Status, resp.Header)
		}
	})
}

// The end of one side is the end of the other, in the same way.
func TestSocketEndsBothWays(t *testing.T) {
	w := newSocketWorld(t, absfake.Config{})
	open := func() *player { return w.open("/socket.io/?" + socketQuery) }
	for how, want := range map[absfake.SocketEnd]int{absfake.EndClean: plain, absfake.EndCut: cut, absfake.EndReset: cut} {
		p := open()
		w.fake.DropSockets(how)
		if code := p.ends(); code != want {
			t.Errorf("the server ended %v: %d", how, code)
		}
	}
	gone := func(l *absfake.Ledger) bool { return len(l.OpenSockets("")) == 0 }
	for desc, end := range map[string]func(*websocket.Conn) error{
		"with a status": func(c *websocket.Conn) error {
			return c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "bye"))
		},
		"without a status": func(c *websocket.Conn) error { return c.WriteMessage(websocket.CloseMessage, nil) },
		"by a cut":         (*websocket.Conn).Close,
		"by a reset": func(c *websocket.Conn) error {
			return errors.Join(c.NetConn().(*net.TCPConn).SetLinger(0), c.Close())
		},
		"by breaking the protocol": func(c *websocket.Conn) error {
			_, err := c.NetConn().Write([]byte{0xff, 0xff, 0xff})
			return err
		},
	} {
		p := open()
		if err := end(p.conn); err != nil {
			t.Errorf("%s: %v", desc, err)
		}
		w.wait("the player ended "+desc, gone)
	}
	p := open()
	if err := p.conn.WriteMessage(websocket.BinaryMessage, []byte("x")); err != nil {
		t.Error(err)
	}
	if code := p.ends(); code != noBinary {
		t.Errorf("after a binary frame: %d", code)
	}
	w.wait("the player sent binary", gone)
}

func TestSocketBinaryFromServer(t *testing.T) {
	for desc, frame := range map[string]struct {
		kind int
		body string
	}{"binary": {websocket.BinaryMessage, legacy}, "base64": {websocket.TextMessage, "b" + legacy}} {
		got := make(chan int, 1)
		base := scripted(t, func(conn *websocket.Conn) {
			if err := conn.WriteMessage(frame.kind, []byte(frame.body)); err != nil {
				t.Error(err)
			}
			_, _, err := conn.ReadMessage()
			got <- codeOf(err)
		})
		_, addr := startSockets(t, base)
		p, _, err := dialPlayer(t, addr, "/socket.io/?"+socketQuery, nil)
		if err != nil {
			t.Fatal(err)
		}
		if code := p.ends(); code != noBinary || p.all.Len() > 0 {
			t.Errorf("%s: the player's end: %d, %s", desc, code, p.all.String())
		}
		if code := <-got; code != noBinary {
			t.Errorf("%s: the server's end: %d", desc, code)
		}
	}
}

// What the server itself takes passes, what it refuses does not get there.
func TestSocketOversizedFrame(t *testing.T) {
	w := newSocketWorld(t, absfake.Config{})
	p := w.open("/socket.io/?" + socketQuery)
	fill := func(size int) string {
		return `42["auth","` + strings.Repeat("x", size-len(`42["auth",""]`)) + `"]`
	}
	p.send(fill(maxFrame))
	if f := p.next(); f != socketInvalid {
		t.Errorf("%s", f)
	}
	p.send(fill(maxFrame + 1))
	if code := p.ends(); code != websocket.CloseMessageTooBig {
		t.Errorf("it ended with %d", code)
	}
	w.wait("the server's end", func(l *absfake.Ledger) bool { return len(l.OpenSockets("")) == 0 })
	if n := w.fake.Ledger().Sockets()[0].Received; n != 0 {
		t.Errorf("%d events came through", n)
	}
}

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
