package livesocket_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/wsconn"
)

// Whatever stands before the server, a player's socket opens and stays, and
// init comes when the server is there.
func TestSocketWithoutServer(t *testing.T) {
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>" + proxytest.Access1))
		}
	}
	for desc, gate := range map[string]http.HandlerFunc{
		"502 and a page": page(502), "404 and a page": page(404), "401 of a gateway": page(401),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://portal.example/", http.StatusFound)
		},
		"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(desc, func(t *testing.T) {
			w := proxytest.NewSocketWorld(t, absfake.Config{})
			var open atomic.Bool
			tried := make(chan struct{}, 64)
			front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if open.Load() {
					w.Fake.Handler().ServeHTTP(rw, r)
					return
				}
				if r.URL.Path == "/socket.io/" {
					tried <- struct{}{}
				}
				gate(rw, r)
			}))
			defer front.Close()
			front.Config.ErrorLog = nil
			base, err := url.Parse(front.URL)
			if err != nil {
				t.Fatal(err)
			}
			s, addr := proxytest.StartSockets(t, base, func(cfg *proxy.Config) {
				cfg.Tokens, cfg.Identity = w.Session, w.Session.Identity
			})
			p := proxytest.Joined(t, addr, "/socket.io/?"+proxytest.SocketQuery)
			p.Send(`42["auth","` + proxytest.Grant + `"]`)
			<-tried
			open.Store(true)
			s.NetworkChanged("server back")
			p.Expect("init")
			p.Clean(w.Session.All())
		})
	}
}

// However the server's socket ends, the player's stays: no goodbye, no second
// init, and events come again.
func TestSocketOutlivesTheServers(t *testing.T) {
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	p := w.Open("/socket.io/?" + proxytest.SocketQuery)
	p.Send(`42["auth",""]`)
	p.Expect("init")
	item := w.Fake.Library().Tracks().ID
	ends := []func(){
		func() { w.Fake.DropSockets(absfake.EndClean) },
		func() { w.Fake.DropSockets(absfake.EndCut) },
		func() { w.Fake.DropSockets(absfake.EndReset) },
		w.Fake.RestartCleanly,
	}
	for i, end := range ends {
		end()
		w.Server.NetworkChanged("test")
		w.Wait("it is back", func(l *absfake.Ledger) bool {
			open := l.OpenSockets("demo")
			return l.SocketsOpened() >= int64(i+2) && len(open) == 1
		})
		w.Send("PATCH", "/api/me/progress/"+item, strings.NewReader(`{"currentTime":5}`), "Content-Type", "application/json")
		p.Expect("user_updated")
	}
	if n := strings.Count(p.All.String(), `42["init"`); n != 1 {
		t.Errorf("%d times init:\n%s", n, p.All.String())
	}
	if n := w.Fake.Ledger().MaxSockets("demo"); n != 1 {
		t.Errorf("%d sockets at one time", n)
	}
	p.Clean(w.Session.All())
}

// The end of the player's side is the end of the server's.
func TestSocketEndsWithItsPlayer(t *testing.T) {
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	open := func() *proxytest.Player {
		p := w.Open("/socket.io/?" + proxytest.SocketQuery)
		p.Send(`42["auth",""]`)
		p.Expect("init")
		return p
	}
	gone := func(l *absfake.Ledger) bool { return len(l.OpenSockets("")) == 0 }
	for desc, end := range map[string]func(*websocket.Conn) error{
		"with a status": func(c *websocket.Conn) error {
			return c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "bye"))
		},
		"without a status": func(c *websocket.Conn) error { return c.WriteMessage(websocket.CloseMessage, nil) },
		"by a cut":         (*websocket.Conn).Close,
		"by breaking the protocol": func(c *websocket.Conn) error {
			_, err := c.NetConn().Write([]byte{0xff, 0xff, 0xff})
			return err
		},
		"by leaving the namespace": func(c *websocket.Conn) error { return c.WriteMessage(websocket.TextMessage, []byte("41")) },
	} {
		p := open()
		if err := end(p.Conn); err != nil {
			t.Errorf("%s: %v", desc, err)
		}
		w.Wait("the player ended "+desc, gone)
	}
	p := open()
	if err := p.Conn.WriteMessage(websocket.BinaryMessage, []byte("x")); err != nil {
		t.Error(err)
	}
	if code := p.Ends(); code != websocket.CloseUnsupportedData {
		t.Errorf("after a binary frame: %d", code)
	}
	w.Wait("the player sent binary", gone)
}

// Frames of players are small: a larger one ends the socket.
func TestSocketOversizedFrame(t *testing.T) {
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	p := w.Open("/socket.io/?" + proxytest.SocketQuery)
	fill := func(size int) string {
		return `42["auth","` + strings.Repeat("x", size-len(`42["auth",""]`)) + `"]`
	}
	p.Send(fill(wsconn.MaxPayload))
	if f := p.Next(); f != socketInvalid {
		t.Errorf("%s", f)
	}
	if err := p.Conn.WriteMessage(websocket.TextMessage, []byte(fill(wsconn.MaxPayload+1))); err != nil &&
		!errors.Is(err, websocket.ErrCloseSent) {
		t.Log(err) // it may be refused while it is sent
	}
	if code := p.Ends(); code != websocket.CloseMessageTooBig {
		t.Errorf("it ended with %d", code)
	}
	if n := w.Fake.Ledger().SocketsOpened(); n != 0 {
		t.Errorf("%d sockets at the server", n)
	}
}
