package proxytest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/redact"
)

// LiveTokens is a session that signs in with the password when suspected.
type LiveTokens struct {
	login  func() (access string, all []redact.Secret)
	UserID string // set by the first login, and read without the lock from then on

	mu    sync.Mutex
	Now   redact.Secret
	known []redact.Secret
}

func (l *LiveTokens) Token(context.Context) (redact.Secret, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Now, nil
}

func (l *LiveTokens) Suspect(_ context.Context, refused redact.Secret) (redact.Secret, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if refused == l.Now {
		access, all := l.login()
		l.Now, l.known = redact.New(access), append(l.known, all...)
	}
	return l.Now, nil
}

// SignInAgain makes one more session with the server, whose tokens are known.
func (l *LiveTokens) SignInAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, more := l.login()
	l.known = append(l.known, more...)
}

// All returns every token there ever was.
func (l *LiveTokens) All() []redact.Secret {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]redact.Secret(nil), l.known...)
}

func (l *LiveTokens) Identity() (string, []redact.Secret) { return l.UserID, l.All() }

// SignedIn is a session with the double.
func SignedIn(t *testing.T, fake *absfake.Server) *LiveTokens {
	t.Helper()
	session := &LiveTokens{}
	session.login = func() (string, []redact.Secret) {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/login", strings.NewReader(`{"username":"demo","password":"demo"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("x-return-tokens", "true")
		fake.Handler().ServeHTTP(rec, r)
		var in struct {
			User struct{ ID, Token, AccessToken, RefreshToken string }
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &in); err != nil || in.User.AccessToken == "" {
			t.Errorf("login: %d %s", rec.Code, rec.Body)
		}
		if session.UserID == "" {
			session.UserID = in.User.ID
		}
		return in.User.AccessToken, []redact.Secret{redact.New(in.User.Token), redact.New(in.User.AccessToken), redact.New(in.User.RefreshToken)}
	}
	if _, err := session.Suspect(context.Background(), redact.Secret{}); err != nil {
		t.Fatal(err)
	}
	return session
}

func CallerOf(t *testing.T, known *players.Identities, presented string) players.Caller {
	t.Helper()
	c, err := known.Caller(t.Context(), presented)
	if err != nil {
		t.Error(err)
	}
	return c
}

// NewRealWorld is a proxy before the double, both on real sockets or in memory.
func NewRealWorld(t *testing.T, cfg absfake.Config, change ...func(*proxy.Config)) (*World, *absfake.Server) {
	t.Helper()
	cfg.LimiterMax = -1
	fake, err := absfake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close() })
	transport := &http.Transport{DialContext: fake.Listen().DialContext, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	session := SignedIn(t, fake)
	w := NewWorld(t, nil, func(c *proxy.Config) {
		c.Base.Host, c.Base.Path = "abs.example", cfg.BasePath
		c.Transport, c.Tokens, c.Identity, c.Hold = transport, session, session.Identity, 0
	}, func(c *proxy.Config) {
		for _, f := range change {
			f(c)
		}
	})
	return w, fake
}

func Sum(t *testing.T, f *absfake.File) (out [32]byte) {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, f.Reader()); err != nil {
		t.Fatal(err)
	}
	return [32]byte(h.Sum(nil))
}
