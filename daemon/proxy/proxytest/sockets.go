package proxytest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

const SocketQuery = "EIO=4&transport=websocket"

// patience is far beyond what any frame here takes.
const Patience = time.Minute

// SocketWorld is a proxy between players and the double, over loopback TCP.
type SocketWorld struct {
	World
	Fake    *absfake.Server
	Session *LiveTokens
}

func NewSocketWorld(t *testing.T, cfg absfake.Config, change ...func(*proxy.Config)) *SocketWorld {
	t.Helper()
	cfg.LimiterMax = -1
	fake, err := absfake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = fake.Serve(l) }() // Close is its only end
	t.Cleanup(func() { _ = fake.Close(); <-served })
	w := &SocketWorld{World: World{T: t, Grants: &Grants{Good: map[string]bool{Grant: true}}}, Fake: fake}
	w.Session = SignedIn(t, fake)
	w.Server, w.Addr = StartSockets(t, &url.URL{Scheme: "http", Host: l.Addr().String(), Path: cfg.BasePath}, func(c *proxy.Config) {
		c.Tokens, c.Grants, c.Identity = w.Session, w.Grants, w.Session.Identity
		for _, f := range change {
			f(c)
		}
	})
	return w
}

// StartSockets runs a proxy to base with the true policy.
func StartSockets(t *testing.T, base *url.URL, change ...func(*proxy.Config)) (*proxy.Server, string) {
	t.Helper()
	up, err := upstream.New(upstream.Policy{Base: base, ProxyURL: "direct"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	cfg := proxy.Config{
		Base: base, Transport: up.Transport(), Sockets: up,
		Tokens: &Tokens{List: []string{Access1}}, Grants: &Grants{Good: map[string]bool{Grant: true}},
		Identity: func() (string, []redact.Secret) {
			return "u1", []redact.Secret{redact.New(Access1), redact.New(Access2)}
		},
		OwnUID: 4711, PeerOf: Me,
	}
	for _, f := range change {
		f(&cfg)
	}
	return Start(t, cfg)
}

// Player is a program with a live socket.
type Player struct {
	T    *testing.T
	Conn *websocket.Conn
	All  bytes.Buffer // every frame that came, in a line each

	writing sync.Mutex
}

// DialPlayer opens a socket at path; the answer is that of the handshake.
func DialPlayer(t *testing.T, addr, path string, header http.Header) (*Player, *http.Response, error) {
	t.Helper()
	d := websocket.Dialer{HandshakeTimeout: Patience}
	conn, resp, err := d.Dial("ws://"+addr+path, header)
	if err != nil {
		return nil, resp, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Player{T: t, Conn: conn}, resp, nil
}

// Open is a player that has joined the namespace.
func (w *SocketWorld) Open(path string) *Player {
	w.T.Helper()
	return Joined(w.T, w.Addr, path)
}

func Joined(t *testing.T, addr, path string) *Player {
	t.Helper()
	p, _, err := DialPlayer(t, addr, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f := p.Next(); !strings.HasPrefix(f, "0{") {
		t.Fatalf("%q", f)
	}
	p.Send("40")
	if f := p.Next(); !strings.HasPrefix(f, "40{") {
		t.Fatalf("%q", f)
	}
	return p
}

func (p *Player) Send(frames ...string) {
	p.T.Helper()
	for _, f := range frames {
		if err := p.write(f); err != nil {
			p.T.Fatal(err)
		}
	}
}

func (p *Player) write(frame string) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return p.Conn.WriteMessage(websocket.TextMessage, []byte(frame))
}

// Read returns the next frame that is no heartbeat; those it answers, and does not wait
// longer for it because of them.
func (p *Player) Read() (string, error) {
	if err := p.Conn.SetReadDeadline(time.Now().Add(Patience)); err != nil {
		return "", err
	}
	for {
		_, frame, err := p.Conn.ReadMessage()
		if err != nil {
			return "", err
		}
		p.All.Write(append(frame, '\n'))
		if string(frame) != "2" {
			return string(frame), nil
		}
		_ = p.write("3") // of a socket that has ended, the next reading tells
	}
}

func (p *Player) Next() string {
	p.T.Helper()
	f, err := p.Read()
	if err != nil {
		p.T.Fatal(err)
	}
	return f
}

// Expect reads up to the event and returns its frame.
func (p *Player) Expect(event string) string {
	p.T.Helper()
	for {
		if f := p.Next(); strings.HasPrefix(f, `42["`+event+`"`) {
			return f
		}
	}
}

// CodeOf is the close code that err tells, codeCut for none.
func CodeOf(err error) int {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return closed.Code
	}
	return codeCut
}

const codeCut = websocket.CloseAbnormalClosure

// Ends returns the code with which the socket ends.
func (p *Player) Ends() int {
	p.T.Helper()
	for {
		if _, err := p.Read(); err != nil {
			if CodeOf(err) == codeCut && !strings.Contains(err.Error(), "1006") && !strings.Contains(err.Error(), "reset") {
				p.T.Errorf("it ended with %v", err)
			}
			return CodeOf(err)
		}
	}
}

// Clean fails when a real token came to the player.
func (p *Player) Clean(known []redact.Secret) {
	p.T.Helper()
	for _, k := range known {
		if k.IsEmpty() || strings.Contains(p.All.String(), k.Reveal()) {
			p.T.Error("a real token came through")
		}
	}
	if strings.Contains(p.All.String(), ".eyJ") {
		p.T.Errorf("a token came through: %s", p.All.String())
	}
}

// Wait waits until the double's ledger is so.
func (w *SocketWorld) Wait(desc string, holds func(*absfake.Ledger) bool) {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := w.Fake.Ledger().Wait(ctx, holds); err != nil {
		w.T.Errorf("%s: %v", desc, err)
	}
}

// APIKey is a key of the user's.
func (w *SocketWorld) APIKey() string {
	w.T.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/api/api-keys", strings.NewReader(`{"name":"k","isActive":true,"userId":"`+w.Session.UserID+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.Session.Now.Reveal())
	w.Fake.Handler().ServeHTTP(rec, r)
	var made struct{ APIKey struct{ APIKey string } }
	if err := json.Unmarshal(rec.Body.Bytes(), &made); err != nil || made.APIKey.APIKey == "" {
		w.T.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return made.APIKey.APIKey
}
