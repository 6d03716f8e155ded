package proxy

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"
)

// getVar makes the test binary a player: it gets the address in it and prints
// the status and the body.
const getVar = "PROXY_TEST_GET"

func TestMain(m *testing.M) {
	if address := os.Getenv(getVar); address != "" {
		resp, err := http.Get(address)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		body, _ := io.ReadAll(resp.Body)
		fmt.Println(resp.StatusCode, string(body))
		os.Exit(0)
	}
	// After an answer whose request it did not read, net/http lingers for half
	// a second before it closes.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// jwt makes a token as Audiobookshelf does.
func jwt(payload string) string {
	enc := base64.RawURLEncoding
	s := enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + enc.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, []byte("the server's secret"))
	mac.Write([]byte(s))
	return s + "." + enc.EncodeToString(mac.Sum(nil))
}

var (
	access1 = jwt(`{"userId":"u1","username":"demo","type":"access","iat":1,"exp":2,"jti":"a"}`)
	access2 = jwt(`{"userId":"u1","username":"demo","type":"access","iat":1,"exp":2,"jti":"b"}`)
	legacy  = jwt(`{"userId":"u1","username":"demo","iat":1}`)
	others  = jwt(`{"userId":"u2","username":"other","iat":1}`)
)

// grant is what players hold in these tests.
const grant = "sk_goodgrant"

type fakeGrants struct {
	mu   sync.Mutex
	good map[string]bool
}

func (g *fakeGrants) Caller(_ context.Context, s string) (players.Caller, error) {
	c := players.Caller{Grant: s, Scope: players.ScopeListen}
	if !g.Alive(c) {
		return players.Caller{}, players.ErrNoGrant
	}
	return c, nil
}

func (g *fakeGrants) Alive(c players.Caller) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return c.Grant == "" || g.good[c.Grant]
}

// Token is the grant itself here: what stands in a body is easily told.
func (g *fakeGrants) Token(_ context.Context, c players.Caller) string { return c.Grant }

func (g *fakeGrants) revoke(s string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.good, s)
}

// fakeTokens is a session: every suspicion gives the next token of the list.
type fakeTokens struct {
	mu       sync.Mutex
	list     []string
	err      error
	suspects []string
}

func (f *fakeTokens) Token(context.Context) (redact.Secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return redact.New(f.list[0]), f.err
}

func (f *fakeTokens) Suspect(_ context.Context, refused redact.Secret) (redact.Secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.suspects = append(f.suspects, refused.Reveal())
	if refused.Reveal() == f.list[0] && len(f.list) > 1 {
		f.list = f.list[1:]
	}
	return redact.New(f.list[0]), f.err
}

func (f *fakeTokens) suspected() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.suspects)
}

// world is a proxy between a player and a server made of a handler.
type world struct {
	t      *testing.T
	server *Server
	addr   string // host:port of the proxy
	tokens *fakeTokens
	grants *fakeGrants

	mu   sync.Mutex
	seen []*http.Request // by the server
}

func me(net.Conn) players.Peer { return players.Peer{UID: 4711, Known: true} }

func newWorld(t *testing.T, upstream http.HandlerFunc, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, tokens: &fakeTokens{list: []string{access1}}, grants: &fakeGrants{good: map[string]bool{grant: true}}}
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
	cfg := Config{
		Base: base, Transport: transport, Tokens: w.tokens, Grants: w.grants,
		Identity: func() (string, []redact.Secret) {
			return "u1", []redact.Secret{redact.New(access1), redact.New(access2), redact.New(legacy), redact.New("opaque-refresh-secret")}
		},
		OwnUID: 4711, PeerOf: me,
		Hold: -1, // the tests of holding have their own
	}
	for _, f := range change {
		f(&cfg)
	}
	w.server, w.addr = start(t, cfg)
	return w
}

// start runs a proxy on a free port until the test ends.
func start(t *testing.T, cfg Config) (*Server, string) {
	t.Helper()
	s, err := New(cfg)
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

func (w *world) requests() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*http.Request(nil), w.seen...)
}

// answer is a response read to its end.
type answer struct {
	*http.Response
	body string
	err  error // of reading the body
}

// do sends a request as a player that keeps no connection.
func (w *world) do(method, path string, header ...string) answer {
	w.t.Helper()
	return w.send(method, path, nil, header...)
}

func (w *world) send(method, path string, body io.Reader, header ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, "http://"+w.addr+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return w.roundTrip(r)
}

func (w *world) roundTrip(r *http.Request) answer {
	w.t.Helper()
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp, string(b), err}
}

// rawDeadline is far beyond what any answer here takes.
const rawDeadline = 20 * time.Second

// raw sends bytes as they are and returns the answers that come, which are all
// read until the proxy closes.
func (w *world) raw(request string) []answer {
	w.t.Helper()
	nc, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(rawDeadline)); err != nil {
		w.t.Fatal(err)
	}
	if _, err := io.WriteString(nc, strings.ReplaceAll(request, "{host}", w.addr)); err != nil {
		w.t.Fatal(err)
	}
	// No more will come: what is pipelined is answered, then it closes.
	if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
		w.t.Fatal(err)
	}
	var all []answer
	br := bufio.NewReader(nc)
	for {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && len(all) == 0 {
				w.t.Logf("raw: %v", err)
			}
			return all
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		all = append(all, answer{resp, string(b), err})
		if err != nil {
			return all
		}
	}
}

func text(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}
