package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

const (
	user     = "alice"
	password = "seven purple herons"
)

// server is an Audiobookshelf double on a real port, with its ledger at hand.
type server struct {
	*absfake.Server
	t   testing.TB
	url string
}

// newServer starts one with the user alice and no sign-in limit unless c says
// otherwise.
func newServer(t testing.TB, c absfake.Config) *server {
	t.Helper()
	if c.LimiterMax == 0 {
		c.LimiterMax = -1
	}
	if c.Users == nil {
		c.Users = []absfake.User{{Name: "root", Password: "of no interest", Type: "root"}, {Name: user, Password: password}}
	}
	if c.Uninitialised {
		c.Users = nil
	}
	fake, err := absfake.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- fake.Serve(l) }()
	t.Cleanup(func() {
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, absfake.ErrClosed) {
			t.Error(err)
		}
	})
	return &server{Server: fake, t: t, url: "http://" + l.Addr().String()}
}

// until waits for something in the ledger.
func (s *server) until(what string, is func(*absfake.Ledger) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Ledger().Wait(ctx, is); err != nil {
		s.t.Fatalf("waiting until %s: %v", what, err)
	}
}

// refreshes counts the requests for a new token pair.
func refreshes(l *absfake.Ledger) int {
	return l.Count(isRefresh)
}

// isRefresh reports whether a session was to be renewed. A sign-in asks with a word
// that is no token whether renewals reach the server (absapi.Client.RefreshPasses).
func isRefresh(e absfake.Entry) bool {
	return e.Path == "/auth/refresh" && e.Refresh != absfake.TokenID(absapi.NoToken)
}

// recorder answers with a handler and remembers what it was asked.
type recorder struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // METHOD path
}

func newRecorder(t testing.TB, h http.HandlerFunc) *recorder {
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.asked = append(r.asked, q.Method+" "+q.URL.Path)
		r.mu.Unlock()
		h(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.asked...)
}

// login signs in to s with the file vault.
func (p *place) login(s *server) result {
	p.t.Helper()
	p.secrets = append(p.secrets, password)
	return p.ok(password+"\n", "login", s.url, "--username", user, "--password-stdin", "--store", "file")
}

// get asks as a player does.
func get(t testing.TB, url string) (*http.Response, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, req)
}

func ask(t testing.TB, req *http.Request) (*http.Response, []byte) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// fresh says that the account has a token that it may give out.
func fresh(a health.Account) bool { return a.Session.State == "fresh" }

// settled says that the keychain has no trouble either.
func settled(a health.Account) bool { return fresh(a) && a.Vault.Condition == "ok" }
