package absfake

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server in memory with a client for it.
type world struct {
	t      *testing.T
	s      *Server
	client *http.Client
}

// newWorld has no limiter unless the test asks for one.
func newWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	if cfg.LimiterMax == 0 {
		cfg.LimiterMax = -1
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := s.Listen()
	transport := &http.Transport{DialContext: l.DialContext, DisableCompression: true}
	w := &world{t: t, s: s, client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return w
}

// reply is a whole answer.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // the body or the answer broke off
}

func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(r.body), &m); err != nil {
		t.Fatalf("no JSON object: %q", r.body)
	}
	return m
}

// do sends a request; headers come as name, value, name, value.
func (w *world) do(method, path string, body any, headers ...string) reply {
	w.t.Helper()
	var reader io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		reader, kind = bytes.NewReader(raw), "application/json"
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, "http://abs.test"+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := w.client.Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	return reply{status: answer.StatusCode, header: answer.Header, body: string(raw), err: err}
}

type m map[string]any

// login signs in as the demo user and returns its tokens.
func (w *world) login() tokens {
	w.t.Helper()
	return w.loginAs("demo", "demo")
}

func (w *world) loginAs(name, password string) tokens {
	w.t.Helper()
	r := w.do("POST", "/login", m{"username": name, "password": password}, "x-return-tokens", "true")
	if r.status != 200 {
		w.t.Fatalf("login: %d %q %v", r.status, r.body, r.err)
	}
	return tokensIn(w.t, r)
}

func tokensIn(t *testing.T, r reply) tokens {
	t.Helper()
	u, _ := r.json(t)["user"].(map[string]any)
	access, _ := u["accessToken"].(string)
	refresh, _ := u["refreshToken"].(string)
	return tokens{access: access, refresh: refresh}
}

// refresh returns the new tokens, or the error text of a 401.
func (w *world) refresh(token string) (tokens, string) {
	w.t.Helper()
	r := w.do("POST", "/auth/refresh", nil, "x-refresh-token", token)
	switch {
	case r.err != nil:
		return tokens{}, r.err.Error()
	case r.status == 200:
		return tokensIn(w.t, r), ""
	default:
		text, _ := r.json(w.t)["error"].(string)
		return tokens{}, text
	}
}

// mustRefresh fails the test on any refusal.
func (w *world) mustRefresh(token string) tokens {
	w.t.Helper()
	t, msg := w.refresh(token)
	if msg != "" {
		w.t.Fatalf("refresh: %s", msg)
	}
	return t
}

// refused fails the test unless the refresh is refused with the text.
func (w *world) refused(token, want string) {
	w.t.Helper()
	if _, msg := w.refresh(token); msg != want {
		w.t.Fatalf("refresh: %q, want %q", msg, want)
	}
}

func (w *world) me(token string) int {
	w.t.Helper()
	return w.do("GET", "/api/me", nil, "Authorization", "Bearer "+token).status
}

func TestNewRefusesWhatNoServerCanBe(t *testing.T) {
	for _, c := range []struct {
		desc string
		cfg  Config
	}{
		{"unknown release", Config{Release: "1.0"}},
		{"lifetime below a second", Config{AccessTTL: 10}},
		{"negative grace", Config{Grace: -1}},
		{"base path without slash", Config{BasePath: "abs"}},
		{"base path with end slash", Config{BasePath: "/abs/"}},
		{"user of unknown type", Config{Users: []User{{Name: "a", Password: "b", Type: "guru"}}}},
		{"user without password", Config{Users: []User{{Name: "a"}}}},
		{"user without name", Config{Users: []User{{Password: "a"}}}},
		{"large file beyond a WAV", Config{Large: 5 << 30}},
	} {
		if s, err := New(c.cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v, %v", c.desc, s, err)
		}
	}
}
