package proxy

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

const socketQuery = "EIO=4&transport=websocket"

// patience is far beyond what any frame here takes.
const patience = 20 * time.Second

// socketWorld is a proxy between players and the double, over loopback TCP.
type socketWorld struct {
	world
	fake    *absfake.Server
	session *liveTokens
}

func newSocketWorld(t *testing.T, cfg absfake.Config, change ...func(*Config)) *socketWorld {
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
	w := &socketWorld{world: world{t: t, grants: &fakeGrants{good: map[string]bool{grant: true}}}, fake: fake}
	w.session = signedIn(t, fake)
	w.server, w.addr = startSockets(t, &url.URL{Scheme: "http", Host: l.Addr().String(), Path: cfg.BasePath}, func(c *Config) {
		c.Tokens, c.Grants, c.Identity = w.session, w.grants, w.session.identity
		for _, f := range change {
			f(c)
		}
	})
	return w
}

// startSockets runs a proxy to base with the true policy.
func startSockets(t *testing.T, base *url.URL, change ...func(*Config)) (*Server, string) {
	t.Helper()
	up, err := upstream.New(upstream.Policy{Base: base, ProxyURL: "direct"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	cfg := Config{
		Base: base, Transport: up.Transport(), Sockets: up,
		Tokens: &fakeTokens{list: []string{access1}}, Grants: &fakeGrants{good: map[string]bool{grant: true}},
		Identity: func() (string, []redact.Secret) {
			return "u1", []redact.Secret{redact.New(access1), redact.New(access2)}
		},
		OwnUID: 4711, PeerOf: me,
	}
	for _, f := range change {
		f(&cfg)
	}
	return start(t, cfg)
}

// player is a program with a live socket.
type player struct {
	t    *testing.T
	conn *websocket.Conn
	all  bytes.Buffer // every frame that came, in a line each
}

// dialPlayer opens a socket at path; the answer is that of the handshake.
func dialPlayer(t *testing.T, addr, path string, header http.Header) (*player, *http.Response, error) {
	t.Helper()
	d := websocket.Dialer{HandshakeTimeout: patience}
	conn, resp, err := d.Dial("ws://"+addr+path, header)
	if err != nil {
		return nil, resp, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &player{t: t, conn: conn}, resp, nil
}

// open is a player that has joined the namespace.
func (w *socketWorld) open(path string) *player {
	w.t.Helper()
	return joined(w.t, w.addr, path)
}

func joined(t *testing.T, addr, path string) *player {
	t.Helper()
	p, _, err := dialPlayer(t, addr, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f := p.next(); !strings.HasPrefix(f, "0{") {
		t.Fatalf("%q", f)
	}
	p.send("40")
	if f := p.next(); !strings.HasPrefix(f, "40{") {
		t.Fatalf("%q", f)
	}
	return p
}

func (p *player) send(frames ...string) {
	p.t.Helper()
	for _, f := range frames {
		if err := p.conn.WriteMessage(websocket.TextMessage, []byte(f)); err != nil {
			p.t.Fatal(err)
		}
	}
}

// read returns the next frame that is no heartbeat.
func (p *player) read() (string, error) {
	for {
		if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return "", err
		}
		_, frame, err := p.conn.ReadMessage()
		if err != nil {
			return "", err
		}
		p.all.Write(append(frame, '\n'))
		if string(frame) != "2" {
			return string(frame), nil
		}
	}
}

func (p *player) next() string {
	p.t.Helper()
	f, err := p.read()
	if err != nil {
		p.t.Fatal(err)
	}
	return f
}

// expect reads up to the event and returns its frame.
func (p *player) expect(event string) string {
	p.t.Helper()
	for {
		if f := p.next(); strings.HasPrefix(f, `42["`+event+`"`) {
			return f
		}
	}
}

// codeOf is the close code that err tells, codeCut for none.
func codeOf(err error) int {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return closed.Code
	}
	return codeCut
}

const codeCut = websocket.CloseAbnormalClosure

// ends returns the code with which the socket ends.
func (p *player) ends() int {
	p.t.Helper()
	for {
		if _, err := p.read(); err != nil {
			if codeOf(err) == codeCut && !strings.Contains(err.Error(), "1006") && !strings.Contains(err.Error(), "reset") {
				p.t.Errorf("it ended with %v", err)
			}
			return codeOf(err)
		}
	}
}

// clean fails when a real token came to the player.
func (p *player) clean(known []redact.Secret) {
	p.t.Helper()
	for _, k := range known {
		if k.IsEmpty() || strings.Contains(p.all.String(), k.Reveal()) {
			p.t.Error("a real token came through")
		}
	}
	if strings.Contains(p.all.String(), ".eyJ") {
		p.t.Errorf("a token came through: %s", p.all.String())
	}
}

// wait waits until the double's ledger is so.
func (w *socketWorld) wait(desc string, holds func(*absfake.Ledger) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.fake.Ledger().Wait(ctx, holds); err != nil {
		w.t.Errorf("%s: %v", desc, err)
	}
}
