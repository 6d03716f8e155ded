// Package proxytest is the rig that the tests of the local server share. It
// puts a proxy between a player and a server, which is a handler, a script or
// the double of Audiobookshelf. Only tests import it.
package proxytest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/redact"
)

// JWT makes a token as Audiobookshelf does.
func JWT(payload string) string {
	enc := base64.RawURLEncoding
	s := enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + enc.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, []byte("the server's secret"))
	mac.Write([]byte(s))
	return s + "." + enc.EncodeToString(mac.Sum(nil))
}

var (
	Access1 = JWT(`{"userId":"u1","username":"demo","type":"access","iat":1,"exp":2,"jti":"a"}`)
	Access2 = JWT(`{"userId":"u1","username":"demo","type":"access","iat":1,"exp":2,"jti":"b"}`)
	Legacy  = JWT(`{"userId":"u1","username":"demo","iat":1}`)
	Others  = JWT(`{"userId":"u2","username":"other","iat":1}`)
)

// grant is what players hold in these tests.
const Grant = "sk_goodgrant"

type Grants struct {
	mu   sync.Mutex
	Good map[string]bool
}

func (g *Grants) Caller(_ context.Context, s string) (players.Caller, error) {
	c := players.Caller{Grant: s, Scope: players.ScopeListen}
	if !g.Alive(c) {
		return players.Caller{}, players.ErrNoGrant
	}
	return c, nil
}

func (g *Grants) Alive(c players.Caller) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return c.Grant == "" || g.Good[c.Grant]
}

// Token is the grant itself here: what stands in a body is easily told.
func (g *Grants) Token(_ context.Context, c players.Caller) string { return c.Grant }

func (g *Grants) Revoke(s string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.Good, s)
}

// Tokens is a session: every suspicion gives the next token of the list.
type Tokens struct {
	mu       sync.Mutex
	List     []string
	Err      error
	Suspects []string
	Takes    time.Duration // until Token answers
}

func (f *Tokens) Token(context.Context) (redact.Secret, error) {
	time.Sleep(f.Takes)
	f.mu.Lock()
	defer f.mu.Unlock()
	return redact.New(f.List[0]), f.Err
}

// Say has Token fail with err from now on, or give tokens again for nil.
func (f *Tokens) Say(err error) { f.mu.Lock(); f.Err = err; f.mu.Unlock() }

// Ready reports whether Token answers at once.
func (f *Tokens) Ready() bool { return f.Takes == 0 }

func (f *Tokens) Suspect(_ context.Context, refused redact.Secret) (redact.Secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Suspects = append(f.Suspects, refused.Reveal())
	if refused.Reveal() == f.List[0] && len(f.List) > 1 {
		f.List = f.List[1:]
	}
	return redact.New(f.List[0]), f.Err
}

func (f *Tokens) Suspected() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.Suspects)
}

// World is a proxy between a player and a server made of a handler.
type World struct {
	T      *testing.T
	Server *proxy.Server
	Addr   string       // host:port of the proxy
	Config proxy.Config // that it was made with
	Tokens *Tokens
	Grants *Grants

	mu   sync.Mutex
	seen []*http.Request // by the server
}

func Me(net.Conn) players.Peer { return players.Peer{UID: 4711, Known: true} }

func NewWorld(t *testing.T, upstream http.HandlerFunc, change ...func(*proxy.Config)) *World {
	t.Helper()
	w := &World{T: t, Tokens: &Tokens{List: []string{Access1}}, Grants: &Grants{Good: map[string]bool{Grant: true}}}
	up := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.seen = append(w.seen, r)
		w.mu.Unlock()
		upstream(rw, r)
	}))
	t.Cleanup(up.Close)
	base, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := proxy.Config{
		Base: base, Transport: transport, Tokens: w.Tokens, Grants: w.Grants,
		Identity: func() (string, []redact.Secret) {
			return "u1", []redact.Secret{redact.New(Access1), redact.New(Access2), redact.New(Legacy), redact.New("opaque-refresh-secret")}
		},
		OwnUID: 4711, PeerOf: Me,
		Hold: -1, // the tests of holding have their own
	}
	for _, f := range change {
		f(&cfg)
	}
	w.Config = cfg
	w.Server, w.Addr = Start(t, cfg)
	return w
}

// Start runs a proxy on a free port until the test ends.
func Start(t *testing.T, cfg proxy.Config) (*proxy.Server, string) {
	t.Helper()
	s, err := proxy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nothing is worth waiting for any more
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s, s.Addr().String()
}

func (w *World) Requests() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*http.Request(nil), w.seen...)
}

// Main runs a package's tests and fails when a goroutine is left over. After an
// answer whose request it did not read, net/http lingers for half a second
// before it closes.
func Main(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}
