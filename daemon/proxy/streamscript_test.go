package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
)

// script is a server that gives prepared answers, one after the other; the
// last one for ever.
type script struct {
	mu      sync.Mutex
	answers []func(*http.Request) (*http.Response, error)
	asked   []string // METHOD path [Range If-Range], of each request
	when    []time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	f := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	line := r.Method + " " + r.URL.Path
	if span := r.Header.Get("Range"); span != "" {
		line += " " + span + " " + r.Header.Get("If-Range")
	}
	s.asked, s.when = append(s.asked, line), append(s.when, time.Now())
	s.mu.Unlock()
	resp, err := f(r)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

// stage is a proxy before a script, with virtual time: use it in a bubble.
type stage struct {
	*script
	t      *testing.T
	server *Server
	tokens *fakeTokens
	began  time.Time
}

func newStage(t *testing.T, answers ...func(*http.Request) (*http.Response, error)) *stage {
	t.Helper()
	g := &stage{script: &script{answers: answers}, t: t, tokens: &fakeTokens{list: []string{access1, access2}}, began: time.Now()}
	s, err := New(Config{
		Base: &url.URL{Scheme: "http", Host: "abs.example", Path: "/abs"}, Transport: g.script, Tokens: g.tokens,
		Grants: &fakeGrants{good: map[string]bool{grant: true}}, Identity: func() (string, []redact.Secret) { return "u1", nil },
		OwnUID: 4711, PeerOf: me, Port: 13379,
	})
	if err != nil {
		t.Fatal(err)
	}
	g.server = s
	return g
}

// play is a request of a player, and what it gets. broken says that its
// connection was ended hard.
func (g *stage) play(method, path string, header ...string) (rec *httptest.ResponseRecorder, broken bool) {
	g.t.Helper()
	rec = httptest.NewRecorder()
	return rec, g.serve(g.t.Context(), rec, method, path, "", header...)
}

func (g *stage) serve(ctx context.Context, w http.ResponseWriter, method, path, body string, header ...string) (broken bool) {
	g.t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:13379"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			broken = true
		}
	}()
	g.server.http.Handler.ServeHTTP(w, r.WithContext(g.server.connContext(ctx, near)))
	return false
}

func (g *stage) took() time.Duration { return time.Since(g.began) }

const tag = `W/"3e8-1"`

// unit is what these tests count in: the whole file has a thousand.
const unit = 100

var file = media(1000 * unit)

// piece answers with what lies between from and to, as the server does, and
// breaks off after so much of it.
func piece(from, to, good int, change ...string) func(*http.Request) (*http.Response, error) {
	from, to, good = from*unit, to*unit, good*unit
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Etag": {tag}, "Content-Type": {"audio/mpeg"}, "Accept-Ranges": {"bytes"}, "Date": {"Thu, 01 Jan 2026 00:00:00 GMT"}, "Last-Modified": {"Wed, 31 Dec 2025 00:00:00 GMT"}}
		status := http.StatusOK
		if from > 0 || to < len(file) || r.Header["Range"] != nil {
			status = http.StatusPartialContent
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(file)))
		}
		resp := &http.Response{StatusCode: status, ContentLength: int64(to - from), Header: h}
		for i := 0; i < len(change); i += 2 {
			switch change[i] {
			case "status":
				_, _ = fmt.Sscan(change[i+1], &resp.StatusCode)
			case "length":
				_, _ = fmt.Sscan(change[i+1], &resp.ContentLength)
			default:
				if change[i+1] == "" {
					delete(h, change[i])
				} else {
					h.Set(change[i], change[i+1])
				}
			}
		}
		resp.Status = fmt.Sprint(resp.StatusCode, " ", http.StatusText(resp.StatusCode))
		var body io.Reader = bytes.NewReader(file[from:min(to, from+good)])
		if good < to-from {
			body = io.MultiReader(body, failing{io.ErrUnexpectedEOF})
		}
		resp.Body = io.NopCloser(body)
		return resp, nil
	}
}

// whole answers with the whole file whatever was asked for.
func whole(good int, change ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		delete(r.Header, "Range")
		return piece(0, 1000, good, change...)(r)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// silent gives its bytes and then nothing, until the request is given up.
type silent struct {
	io.Reader
	ctx context.Context
}

func (s silent) Read(p []byte) (int, error) {
	if n, err := s.Reader.Read(p); err == nil {
		return n, nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// stalls answers like piece and stops instead of breaking off.
func stalls(from, to, good int) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := piece(from, to, good)(r)
		resp.Body = io.NopCloser(silent{bytes.NewReader(file[from*unit : (from+good)*unit]), r.Context()})
		return resp, err
	}
}

// mute never answers at all.
func mute(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func refusedDial(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func says(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{
			StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Header: h,
			ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
}

// lane is a listener in memory, for players in bubbles.
type lane struct {
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newLane() *lane { return &lane{queue: make(chan net.Conn), closed: make(chan struct{})} }

func (l *lane) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *lane) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *lane) Addr() net.Addr { return &net.UnixAddr{Name: "lane", Net: "pipe"} }

func (l *lane) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.queue <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
