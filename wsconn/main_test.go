package wsconn

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server in memory, a session on it, and the sockets' own network.
type world struct {
	t      *testing.T
	abs    *absfake.Server
	rest   *http.Client // not by way of the sockets' network
	tokens *tokens
	up     *upstream.Upstream
	net    *counted
	log    *lines
	base   string  // of the server, for rest
	socket *Socket // for tests whose parts share it
}

// bubbled runs a test in a bubble, against a server with root, alice and bob,
// of whom alice is signed in.
func bubbled(t *testing.T, cfg absfake.Config, test func(t *testing.T, w *world)) {
	t.Helper()
	cfg.Users = []absfake.User{{Name: "root", Password: "r", Type: "root"}, {Name: "alice", Password: "a"}, {Name: "bob", Password: "b"}}
	cfg.LimiterMax = -1
	synctest.Test(t, func(t *testing.T) {
		abs, err := absfake.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		l := abs.Listen()
		pool := &http.Transport{DialContext: l.DialContext}
		w := &world{
			t: t, abs: abs, base: "http://abs.test", rest: &http.Client{Transport: pool},
			log: &lines{}, net: &counted{dial: l.DialContext},
		}
		t.Cleanup(func() {
			pool.CloseIdleConnections()
			if err := abs.Close(); err != nil {
				t.Errorf("close the server: %v", err)
			}
		})
		w.up = w.reach("http://abs.test" + cfg.BasePath)
		w.tokens = &tokens{w: w}
		if in := w.post("/login", map[string]string{"username": "alice", "password": "a"}, "x-return-tokens", "true"); !w.tokens.take(in) {
			w.tokens.fixed = in["user"].(map[string]any)["token"].(string) // as before 2.26
		}
		test(t, w)
	})
}

// reach is the way to the server at base.
func (w *world) reach(base string) *upstream.Upstream {
	w.t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		w.t.Fatal(err)
	}
	up, err := upstream.New(upstream.Policy{Base: u, Dial: w.net.DialContext, Headers: map[string]redact.Secret{"X-Gate": redact.New("open")},
		HeadersFor: []string{u.String()}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(up.Close)
	return up
}

func (w *world) config() Config {
	return Config{Server: w.up, Tokens: w.tokens, Log: slog.New(slog.NewTextHandler(w.log, nil))}
}

// start starts a socket, which is closed with the test at the latest.
func (w *world) start(cfg Config) *Socket {
	w.t.Helper()
	s := New(cfg)
	s.Start()
	w.t.Cleanup(s.Close)
	return s
}

// up is start, and waits until events arrive.
func (w *world) upNow() *Socket {
	w.t.Helper()
	s := w.start(w.config())
	w.await(s, Authenticated)
	return s
}

// await waits for a state, at most ten minutes of the bubble's.
func (w *world) await(s *Socket, state State) Snapshot {
	w.t.Helper()
	return w.awaitThat(s, func(p Snapshot) bool { return p.State == state })
}

func (w *world) awaitThat(s *Socket, ok func(Snapshot) bool) Snapshot {
	w.t.Helper()
	late := time.After(10 * time.Minute)
	for {
		changed := s.Changed()
		snap := s.Snapshot()
		if ok(snap) {
			return snap
		}
		select {
		case <-changed:
		case <-late:
			w.t.Fatalf("still %+v; log:\n%s", snap, w.log)
		}
	}
}

func (w *world) post(path string, body any, header ...string) map[string]any {
	return w.ask("POST", path, body, header...)
}

// ask sends JSON and returns the answer's object; a refusal is nil.
func (w *world) ask(method, path string, body any, header ...string) map[string]any {
	var raw []byte
	var err error
	if body != nil { // ABS refuses null
		if raw, err = json.Marshal(body); err != nil {
			w.t.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, w.base+path, bytes.NewReader(raw))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := w.rest.Do(r)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var m map[string]any
	if resp.StatusCode != 200 || json.NewDecoder(resp.Body).Decode(&m) != nil {
		return nil
	}
	return m
}

// tokens is a session of one user, without a vault or a schedule.
type tokens struct {
	w *world

	mu              sync.Mutex
	access, refresh string
	fixed           string // instead of them
	err             error  // instead of any
	gate            chan struct{}
	suspects        int
	asked           int
}

var _ Tokens = (*tokens)(nil)

func (s *tokens) take(answer map[string]any) bool {
	u, _ := answer["user"].(map[string]any)
	access, _ := u["accessToken"].(string)
	refresh, _ := u["refreshToken"].(string)
	if access == "" || refresh == "" {
		return false
	}
	s.access, s.refresh = access, refresh
	return true
}

// Token renews what is about to end.
func (s *tokens) Token(ctx context.Context) (redact.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if gate := s.gate; gate != nil {
		s.mu.Unlock()
		select {
		case <-gate:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if ctx.Err() != nil {
			return redact.Secret{}, ctx.Err()
		}
	}
	if s.err != nil {
		return redact.Secret{}, s.err
	}
	if s.fixed != "" {
		return redact.New(s.fixed), nil
	}
	parsed, err := absapi.ParseToken(redact.New(s.access))
	if err != nil {
		return redact.Secret{}, err
	}
	if time.Until(parsed.ExpiresAt) < time.Minute && !s.renew() {
		return redact.Secret{}, errNoRefresh
	}
	return redact.New(s.access), nil
}

// Suspect always renews.
func (s *tokens) Suspect(ctx context.Context, token redact.Secret) (redact.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspects++
	switch {
	case s.err != nil:
		return redact.Secret{}, s.err
	case s.fixed != "":
		return redact.New(s.fixed), nil
	case !s.renew():
		return redact.Secret{}, errNoRefresh
	}
	return redact.New(s.access), nil
}

func (s *tokens) renew() bool {
	return s.take(s.w.post("/auth/refresh", nil, "x-refresh-token", s.refresh))
}

func (s *tokens) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

type constError string

func (e constError) Error() string { return string(e) }

const errNoRefresh = constError("the server ended the session")
