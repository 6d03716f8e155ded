package proxy

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
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
