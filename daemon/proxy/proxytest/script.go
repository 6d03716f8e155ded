package proxytest

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

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/redact"
)

// Script is a server that gives prepared answers, one after the other; the
// last one for ever.
type Script struct {
	mu      sync.Mutex
	Answers []func(*http.Request) (*http.Response, error)
	Asked   []string // METHOD path [Range If-Range], of each request
	When    []time.Time
}

func (s *Script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	f := s.Answers[0]
	if len(s.Answers) > 1 {
		s.Answers = s.Answers[1:]
	}
	line := r.Method + " " + r.URL.Path
	if span := r.Header.Get("Range"); span != "" {
		line += " " + span + " " + r.Header.Get("If-Range")
	}
	s.Asked, s.When = append(s.Asked, line), append(s.When, time.Now())
	s.mu.Unlock()
	resp, err := f(r)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

// Stage is a proxy before a script, with virtual time: use it in a bubble.
type Stage struct {
	*Script
	T      *testing.T
	Server *proxy.Server
	Tokens *Tokens
	Grants *Grants
	Began  time.Time

	Stranger bool // its player is no program of the user
}

func NewStage(t *testing.T, answers ...func(*http.Request) (*http.Response, error)) *Stage {
	t.Helper()
	g := &Stage{Script: &Script{Answers: answers}, T: t, Tokens: &Tokens{List: []string{Access1, Access2}},
		Grants: &Grants{Good: map[string]bool{Grant: true}}, Began: time.Now()}
	s, err := proxy.New(proxy.Config{
		Base: &url.URL{Scheme: "http", Host: "abs.example", Path: "/abs"}, Transport: g.Script, Tokens: g.Tokens,
		Grants: g.Grants, Identity: func() (string, []redact.Secret) { return "u1", nil },
		OwnUID: 4711, Port: 13379,
		PeerOf: func(c net.Conn) players.Peer {
			if g.Stranger {
				return players.Peer{UID: 1, Known: true}
			}
			return Me(c)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	g.Server = s
	return g
}

// Play is a request of a player, and what it gets. broken says that its
// connection was ended hard.
func (g *Stage) Play(method, path string, header ...string) (rec *httptest.ResponseRecorder, broken bool) {
	g.T.Helper()
	rec = httptest.NewRecorder()
	return rec, g.Serve(g.T.Context(), rec, method, path, "", header...)
}

func (g *Stage) Serve(ctx context.Context, w http.ResponseWriter, method, path, body string, header ...string) (broken bool) {
	g.T.Helper()
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
	g.Server.ServeHTTP(w, r.WithContext(g.Server.ConnContext(ctx, near)))
	return false
}

func (g *Stage) Took() time.Duration { return time.Since(g.Began) }

const Tag = `W/"3e8-1"`

// unit is what these tests count in: the whole file has a thousand.
const Unit = 100

var File = Media(1000 * Unit)

// Piece answers with what lies between from and to, as the server does, and
// breaks off after so much of it.
func Piece(from, to, good int, change ...string) func(*http.Request) (*http.Response, error) {
	from, to, good = from*Unit, to*Unit, good*Unit
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Etag": {Tag}, "Content-Type": {"audio/mpeg"}, "Accept-Ranges": {"bytes"},
			"Date": {"Thu, 01 Jan 2026 00:00:00 GMT"}, "Last-Modified": {"Wed, 31 Dec 2025 00:00:00 GMT"}}
		status := http.StatusOK
		if from > 0 || to < len(File) || r.Header["Range"] != nil {
			status = http.StatusPartialContent
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(File)))
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
		var body io.Reader = bytes.NewReader(File[from:min(to, from+good)])
		if good < to-from {
			body = io.MultiReader(body, Failing{io.ErrUnexpectedEOF})
		}
		resp.Body = io.NopCloser(body)
		return resp, nil
	}
}

// Whole answers with the whole file whatever was asked for.
func Whole(good int, change ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		delete(r.Header, "Range")
		return Piece(0, 1000, good, change...)(r)
	}
}

type Failing struct{ err error }

func (f Failing) Read([]byte) (int, error) { return 0, f.err }

// Silent gives its bytes and then nothing, until the request is given up.
type Silent struct {
	io.Reader
	ctx context.Context
}

func (s Silent) Read(p []byte) (int, error) {
	if n, err := s.Reader.Read(p); err == nil {
		return n, nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// Stalls answers like piece and stops instead of breaking off.
func Stalls(from, to, good int) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := Piece(from, to, good)(r)
		resp.Body = io.NopCloser(Silent{bytes.NewReader(File[from*Unit : (from+good)*Unit]), r.Context()})
		return resp, err
	}
}

// Mute never answers at all.
func Mute(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func RefusedDial(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func Says(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
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

// Lane is a listener in memory, for players in bubbles.
type Lane struct {
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func NewLane() *Lane { return &Lane{queue: make(chan net.Conn), closed: make(chan struct{})} }

func (l *Lane) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *Lane) Close() error { l.once.Do(func() { close(l.closed) }); return nil }

func (l *Lane) Addr() net.Addr { return &net.UnixAddr{Name: "lane", Net: "pipe"} }

func (l *Lane) Dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.queue <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
