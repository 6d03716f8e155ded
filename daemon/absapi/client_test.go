package absapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/redact"
)

// plainDoer is a transport without cookies and redirects, as upstream's is.
type plainDoer struct{ *http.Transport }

// site is a small server that notes what it was asked.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	asked []*http.Request
	sent  []string
}

func newSite(t *testing.T, routes map[string]http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.asked, s.sent = append(s.asked, r), append(s.sent, string(body))
		s.mu.Unlock()
		if h := routes[r.Method+" "+r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) client(t *testing.T, path string) *Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	u, err := url.Parse(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	return New(plainDoer{tr}, u)
}

func (s *site) paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.asked {
		out = append(out, r.Method+" "+r.URL.Path)
	}
	return out
}

func reply200(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, body)
	}
}

func unauthorized(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = nil // keeps Go from adding one
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, "Unauthorized")
}

const statusBody = `{"app":"audiobookshelf","serverVersion":"2.36.0","isInit":true,"authMethods":["local"]}`

func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}

func TestRequestsAsABSExpectsThem(t *testing.T) {
	access, refresh := mintPair("u1")
	s := newSite(t, map[string]http.HandlerFunc{
		"GET /sub/ping":          reply200(`{"success":true}`),
		"GET /sub/status":        reply200(statusBody),
		"POST /sub/login":        reply200(sessionBody("u1", access, refresh)),
		"POST /sub/auth/refresh": reply200(sessionBody("u1", access, refresh)),
		"POST /sub/logout":       reply200(`{"redirect_url":null}`),
		"GET /sub/api/me":        reply200(`{"id":"u1","username":"alice","type":"user"}`),
	})
	c := s.client(t, "/sub/")
	ctx := t.Context()
	m, err := c.Ping(ctx)
	if err != nil || m.ServerDate.IsZero() || !m.Direct || m.Limit.Present {
		t.Errorf("ping: %+v, %v", m, err)
	}
	in, err := c.Login(ctx, "älice", redact.New(`p"w<&`))
	if err != nil || in.Pair.Refresh.Secret.Reveal() != refresh || in.UserID != "u1" {
		t.Errorf("login: %+v, %v", in, err)
	}
	if again, err := c.Refresh(ctx, in.Pair.Refresh.Secret); err != nil || again.Pair != in.Pair {
		t.Errorf("refresh: %+v, %v", again, err)
	}
	if _, err := c.Logout(ctx, in.Pair.Refresh.Secret); err != nil {
		t.Errorf("logout: %v", err)
	}
	if me, err := c.Me(ctx, in.Pair.Access.Secret); err != nil || me.UserID != "u1" || me.Type != "user" {
		t.Errorf("me: %+v, %v", me, err)
	}

	want := []string{"GET /sub/ping", "GET /sub/status", "POST /sub/login", "POST /sub/auth/refresh", "POST /sub/logout", "GET /sub/api/me"}
	if got := s.paths(); !slices.Equal(got, want) {
		t.Fatalf("asked %v, want %v", got, want)
	}
	var sent struct{ Username, Password string }
	if err := json.Unmarshal([]byte(s.sent[2]), &sent); err != nil || sent.Username != "älice" || sent.Password != `p"w<&` {
		t.Errorf("login body %s", s.sent[2])
	}
	for i, r := range s.asked {
		op := want[i]
		header := func(name, want string) {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", op, name, got, want)
			}
		}
		cookie := ""
		if op == "POST /sub/logout" { // a gateway may take the header out
			cookie = "refresh_token=" + refresh
		}
		header("Cookie", cookie)
		header("Accept", "application/json")
		secrets := map[string]string{}
		switch i {
		case 2:
			secrets["X-Return-Tokens"] = "true"
			header("Content-Type", "application/json")
		case 3, 4:
			secrets["X-Refresh-Token"] = refresh
		case 5:
			secrets["Authorization"] = "Bearer " + access
		}
		for _, name := range []string{"X-Return-Tokens", "X-Refresh-Token", "Authorization"} {
			header(name, secrets[name])
		}
		if i != 2 && s.sent[i] != "" {
			t.Errorf("%s: body %q", op, s.sent[i])
		}
	}
}

// A password goes only to a server that could use it.
func TestLoginAsksStatusFirst(t *testing.T) {
	for _, c := range []struct {
		desc   string
		status http.HandlerFunc
		want   Verdict
	}{
		{"another program", reply200(`{"app":"jellyfin"}`), NotABS},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, Temporary},
		{"never set up", reply200(`{"app":"audiobookshelf","serverVersion":"2.36.0","isInit":false,"authMethods":["local"]}`),
			NotInitialised},
		{"OpenID only", reply200(`{"app":"audiobookshelf","serverVersion":"2.36.0","isInit":true,"authMethods":["openid"]}`),
			PasswordLoginOff},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, Temporary},
	} {
		t.Run(c.desc, func(t *testing.T) {
			s := newSite(t, map[string]http.HandlerFunc{"GET /status": c.status, "POST /login": unauthorized})
			_, err := s.client(t, "").Login(t.Context(), "alice", redact.New("pw"))
			e := asError(t, err)
			if e.Verdict != c.want || !e.Unwritten || e.Op != "sign in" || e.Evidence == "" {
				t.Errorf("got %+v", e)
			}
			if got := s.paths(); !slices.Equal(got, []string{"GET /status"}) {
				t.Errorf("asked %v", got)
			}
		})
	}
	s := newSite(t, map[string]http.HandlerFunc{"GET /status": reply200(statusBody), "POST /login": unauthorized})
	_, err := s.client(t, "").Login(t.Context(), "alice", redact.New("pw"))
	if e := asError(t, err); e.Verdict != PasswordRejected || e.Unwritten || e.Status != 401 || !e.Direct {
		t.Errorf("got %+v", e)
	}
}

func TestSecretsAreNotCarriedAlong(t *testing.T) {
	var stolen bool
	s := newSite(t, map[string]http.HandlerFunc{
		"POST /auth/refresh": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/thief", http.StatusTemporaryRedirect)
		},
		"POST /thief": func(http.ResponseWriter, *http.Request) { stolen = true },
	})
	_, err := s.client(t, "").Refresh(t.Context(), redact.New("r"))
	if e := asError(t, err); e.Verdict != Temporary || e.Status != 307 || e.Direct || !strings.Contains(e.Evidence, "/thief") || stolen {
		t.Errorf("got %+v, stolen %v", e, stolen)
	}
	// A Doer that follows redirects is a mistake of the caller's; its answers count for nothing.
	s = newSite(t, map[string]http.HandlerFunc{
		"GET /ping":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) },
		"GET /other": reply200(`{"success":true}`),
	})
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	u, _ := url.Parse(s.URL)
	if _, err := New(hc, u).Ping(t.Context()); VerdictOf(err) != Temporary {
		t.Errorf("got %v", err)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	access, refresh := mintPair("u1")
	padded := func(n int) http.HandlerFunc {
		body := sessionBody("u1", access, refresh)
		return reply200(strings.TrimSuffix(body, "}") + `,"pad":"` + strings.Repeat("x", n) + `"}`)
	}
	for _, n := range []int{1 << 10, 1 << 20, 6 << 20, 9 << 20, 50 << 20} {
		s := newSite(t, map[string]http.HandlerFunc{"POST /auth/refresh": padded(n)})
		answer, err := s.client(t, "").Refresh(t.Context(), redact.New("r"))
		if err != nil || answer.Pair.Refresh.Secret.Reveal() != refresh || answer.UserID != "u1" {
			t.Errorf("a user with %d bytes of progress: %v", n, err)
		}
	}
	s := newSite(t, map[string]http.HandlerFunc{"POST /auth/refresh": padded(65 << 20),
		"GET /ping": reply200(`{"success":true,"pad":"` + strings.Repeat("x", 2<<20) + `"}`)})
	for _, err := range []error{second(s.client(t, "").Refresh(t.Context(), redact.New("r"))), second(s.client(t, "").Ping(t.Context()))} {
		if e := asError(t, err); e.Verdict != Temporary || !strings.Contains(e.Evidence, "too large") {
			t.Errorf("got %+v", e)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestCutAnswer(t *testing.T) {
	s := newSite(t, map[string]http.HandlerFunc{"POST /auth/refresh": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", "40")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":"Refresh token expired"}`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}})
	_, err := s.client(t, "").Refresh(t.Context(), redact.New("r"))
	if e := asError(t, err); e.Verdict != Temporary || e.Unwritten || !errors.Is(err, io.ErrUnexpectedEOF) || e.Status != 401 {
		t.Errorf("got %+v", e)
	}
}

func TestErrorsShowNoSecret(t *testing.T) {
	_, refresh := mintPair("u1")
	base, _ := url.Parse("http://abs.example")
	_, err := New(failing{errors.New("proxy said: " + refresh)}, base).Refresh(t.Context(), redact.New(refresh))
	if text := fmt.Sprint(err); strings.Contains(text, refresh) || !strings.HasPrefix(text, "refresh session: proxy said") {
		t.Errorf("got %q", text)
	}
	if VerdictOf(err) != Temporary || VerdictOf(nil) != Accepted || VerdictOf(io.EOF) != Temporary ||
		VerdictOf(fmt.Errorf("x: %w", &Error{Verdict: UserInactive})) != UserInactive {
		t.Error("VerdictOf is wrong")
	}
}

func TestVerdicts(t *testing.T) {
	for v := Temporary; v <= MissingRefreshToken; v++ {
		if v.String() == "" || strings.HasPrefix(v.String(), "verdict(") {
			t.Errorf("verdict %d has no name", v)
		}
	}
	for _, v := range []Verdict{Temporary, Accepted, RateLimited, HeaderEaten, BadRequest, NotABS, MissingRefreshToken} {
		if v.IsRejection() {
			t.Errorf("%v is a rejection", v)
		}
	}
	if Verdict(99).String() != "verdict(99)" || Verdict(-1).String() != "verdict(-1)" {
		t.Error("unknown verdicts must print")
	}
}
