package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/redact"
)

// pipes is a network in memory: what is dialled is accepted.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// adminGrants are grants of the widest scope.
type adminGrants struct{ *proxytest.Grants }

func (g adminGrants) Caller(ctx context.Context, s string) (players.Caller, error) {
	c, err := g.Grants.Caller(ctx, s)
	c.Scope = players.ScopeAdmin
	return c, err
}

// slowWorld is a proxy between a player and a server, all in memory and in virtual
// time.
type slowWorld struct {
	t      *testing.T
	player *http.Client
	up     *pipes
	asked  atomic.Int64 // how often the server got a request
}

func inSlowWorld(t *testing.T, server func(http.ResponseWriter, *http.Request), test func(t *testing.T, w *slowWorld)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &slowWorld{t: t, up: newPipes()}
		upstream := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.asked.Add(1)
			server(rw, r)
		})}
		var running sync.WaitGroup
		running.Go(func() { _ = upstream.Serve(w.up) })
		transport := &http.Transport{DialContext: w.up.dial, DisableCompression: true}
		s, err := proxy.New(proxy.Config{
			Base: &url.URL{Scheme: "http", Host: "abs.example"}, Transport: transport,
			Tokens:   &proxytest.Tokens{List: []string{proxytest.Access1}},
			Grants:   adminGrants{&proxytest.Grants{Good: map[string]bool{proxytest.Grant: true}}},
			Identity: func() (string, []redact.Secret) { return "u1", nil },
			PeerOf:   proxytest.Me, OwnUID: 4711, Port: 13379,
		})
		if err != nil {
			t.Fatal(err)
		}
		front := newPipes()
		if err := s.Use(front); err != nil {
			t.Fatal(err)
		}
		running.Go(func() { _ = s.Serve() })
		pool := &http.Transport{DialContext: front.dial, DisableCompression: true}
		w.player = &http.Client{Transport: pool}
		test(t, w)
		pool.CloseIdleConnections()
		transport.CloseIdleConnections()
		_ = upstream.Close()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Close(gone); err != nil {
			t.Error(err)
		}
		running.Wait()
		time.Sleep(time.Second) // net/http lingers before it closes a connection with an unread body
	})
}

// send sends a request and returns the answer with its text.
func (w *slowWorld) send(method, path string, body io.Reader, length int64) (*http.Response, string) {
	w.t.Helper()
	r, err := http.NewRequest(method, "http://127.0.0.1:13379"+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	r.ContentLength = length
	r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
	r.Header.Set("Content-Type", "application/octet-stream")
	resp, err := w.player.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, string(text)
}

// slowBody gives out so many pieces, with a pause before each of them.
type slowBody struct {
	pieces int
	pause  time.Duration
}

const slowPiece = 32 << 10

func (b *slowBody) Read(p []byte) (int, error) {
	if b.pieces == 0 {
		return 0, io.EOF
	}
	time.Sleep(b.pause)
	b.pieces--
	return copy(p, strings.Repeat("x", slowPiece)), nil
}

// Hours of upload, pauses of five minutes by the player, by the server, or before the
// answer: all of it as directly at the server.
func TestSlowUploads(t *testing.T) {
	const pieces = 60
	for _, c := range []struct {
		desc                          string
		player, server, answer, lasts time.Duration
		chunked                       bool
	}{
		{desc: "a slow player", player: 5 * time.Minute, lasts: 5 * time.Hour},
		{desc: "a slow player, of unknown length", player: 5 * time.Minute, lasts: 5 * time.Hour, chunked: true},
		{desc: "a slow server", server: 5 * time.Minute, lasts: 5 * time.Hour},
		{desc: "a slow answer", answer: 3 * time.Hour, lasts: 3 * time.Hour},
		{desc: "all of it", player: time.Minute, server: time.Minute, answer: 40 * time.Minute, lasts: 100 * time.Minute},
	} {
		t.Run(c.desc, func(t *testing.T) {
			server := func(w http.ResponseWriter, r *http.Request) {
				total, piece := 0, make([]byte, slowPiece)
				for {
					time.Sleep(c.server)
					n, err := io.ReadFull(r.Body, piece)
					total += n
					if err != nil {
						break
					}
				}
				time.Sleep(c.answer)
				fmt.Fprintf(w, "%d", total)
			}
			inSlowWorld(t, server, func(t *testing.T, w *slowWorld) {
				began := time.Now()
				length := int64(pieces * slowPiece)
				if c.chunked {
					length = -1
				}
				resp, text := w.send("POST", "/api/upload", io.MultiReader(&slowBody{pieces, c.player}), length)
				if resp.StatusCode != 200 || text != fmt.Sprint(pieces*slowPiece) {
					t.Errorf("%s %s", resp.Status, text)
				}
				if took := time.Since(began); took < c.lasts || w.asked.Load() != 1 {
					t.Errorf("after %v, %d requests", took, w.asked.Load())
				}
			})
		})
	}
}

// A player that does not go on is not waited for, and the server is not asked twice. What
// is no upload is waited for as long as any small body.
func TestUploadThatStops(t *testing.T) {
	reads := func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
	const upload, chunked = "POST /api/upload", "Transfer-Encoding: chunked\r\n"
	for _, c := range []struct {
		desc, what, header string
		least, most        time.Duration
	}{
		{"files", upload, "Content-Type: multipart/form-data; boundary=x\r\n", 6 * time.Minute, 15 * time.Minute},
		{"a picture in pieces", upload, "Content-Type: image/png\r\n" + chunked, 6 * time.Minute, 15 * time.Minute},
		{"JSON", "PATCH /api/items/i/media", "Content-Type: application/json; charset=utf-8\r\n", time.Second, time.Minute},
		{"JSON in pieces", "PATCH /api/items/i/media", "Content-Type: application/json\r\n" + chunked, time.Second, time.Minute},
		{"of no type", upload, chunked, time.Second, time.Minute},
	} {
		t.Run(c.desc, func(t *testing.T) {
			inSlowWorld(t, reads, func(t *testing.T, w *slowWorld) {
				conn, err := w.player.Transport.(*http.Transport).DialContext(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				began := time.Now()
				go func() {
					length, piece := "", "2000\r\n"+strings.Repeat("x", 0x2000)+"\r\n"
					if !strings.Contains(c.header, chunked) {
						length, piece = "Content-Length: 200000\r\n", strings.Repeat("x", 100<<10)
					}
					_, _ = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: 127.0.0.1:13379\r\nAuthorization: Bearer %s\r\n%s%s\r\n%s",
						c.what, proxytest.Grant, c.header, length, piece)
				}()
				answer, err := io.ReadAll(conn)
				if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408") || w.asked.Load() != 1 {
					t.Errorf("%v: %s, %d requests", err, answer, w.asked.Load())
				}
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("after %v", took)
				}
			})
		})
	}
}

// What the server has answered already is not waited for.
func TestUploadThatIsRefused(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.ExpressForbidden, func(c *proxy.Config) { c.Grants = adminGrants{c.Grants.(*proxytest.Grants)} })
	for _, c := range []struct{ desc, kind, rest string }{
		{"files", "multipart/form-data; boundary=x", "Content-Length: 200000\r\n\r\n" + strings.Repeat("x", 100<<10)},
		{"a picture in pieces", "image/png", "Transfer-Encoding: chunked\r\n\r\n2000\r\n" + strings.Repeat("x", 0x2000) + "\r\n"},
		{"a picture in pieces, all but the end", "image/png", "Transfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n"},
	} {
		began := time.Now()
		conn, err := net.Dial("tcp", w.Addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "POST /api/upload HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n%s",
			w.Addr, proxytest.Grant, c.kind, c.rest)
		answer, err := io.ReadAll(conn)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 403 ") || time.Since(began) > 20*time.Second {
			t.Errorf("%s: %s %v after %v", c.desc, answer, err, time.Since(began))
		}
		_ = conn.Close()
	}
}

// A request of which nobody knows whether it was done says so, and recommends no
// repetition; one that was certainly not done, or does no harm, does.
func TestUnknownFate(t *testing.T) {
	read := func(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
	cut := func(_ http.ResponseWriter, r *http.Request) { read(r); panic(http.ErrAbortHandler) }
	says := func(status int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) { read(r); w.WriteHeader(status) }
	}
	large := strings.Repeat("x", 200<<10)
	for _, c := range []struct {
		desc, method, path, body string
		server                   func(http.ResponseWriter, *http.Request)
		status                   int
		asked                    int64 // at most; 0 for any number
	}{
		{"cut after the request", "POST", "/api/backups", "{}", cut, 504, 1},
		{"cut after a large body", "POST", "/api/upload", large, cut, 504, 1},
		{"cut, a change", "PATCH", "/api/items/i/media", `{"a":1}`, cut, 504, 1},
		{"cut, a deletion", "DELETE", "/api/playlists/p", "", cut, 504, 1},
		{"cut, a GET that acts", "GET", "/api/backups/b/apply", "", cut, 504, 1},
		{"half an answer", "POST", "/api/backups", "{}", func(w http.ResponseWriter, r *http.Request) {
			read(r)
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
		}, 504, 1},
		{"a gateway that lost the server", "POST", "/api/backups", "{}", says(502), 504, 1},
		{"a gateway that waited for too long", "POST", "/api/items/batch/quickmatch", "{}", says(504), 504, 1},
		{"a gateway without a server", "POST", "/api/backups", "{}", says(503), 503, 1},
		{"cut in the middle of the body", "POST", "/api/upload", large + large + large, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = r.Body.Read(make([]byte, 1))
			panic(http.ErrAbortHandler)
		}, 503, 1},
		{"a question", "GET", "/api/me", "", cut, 503, 0},
		{"play, which may be repeated", "POST", "/api/items/i/play", "{}", cut, 503, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			inSlowWorld(t, c.server, func(t *testing.T, w *slowWorld) {
				resp, text := w.send(c.method, c.path, strings.NewReader(c.body), int64(len(c.body)))
				if resp.StatusCode != c.status || c.asked > 0 && w.asked.Load() != c.asked {
					t.Errorf("%s %s, %d requests", resp.Status, text, w.asked.Load())
				}
				repeats := resp.Header.Get("Retry-After") != "" || strings.Contains(text, "try again")
				if repeats != (c.status == 503) || (c.status == 504) != strings.Contains(text, "may have been done") {
					t.Errorf("%s %v", text, resp.Header)
				}
			})
		})
	}
	t.Run("nothing was sent", func(t *testing.T) {
		inSlowWorld(t, cut, func(t *testing.T, w *slowWorld) {
			_ = w.up.Close()
			resp, text := w.send("POST", "/api/backups", strings.NewReader("{}"), 2)
			if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s %s", resp.Status, text)
			}
		})
	})
}

// A body that breaks HTTP is the player's fault, not the server's.
func TestBrokenBodyIsThePlayers(t *testing.T) {
	inSlowWorld(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, func(t *testing.T, w *slowWorld) {
		conn, err := w.player.Transport.(*http.Transport).DialContext(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = fmt.Fprintf(conn, "POST /api/upload HTTP/1.1\r\nHost: 127.0.0.1:13379\r\nAuthorization: Bearer %s\r\n"+
				"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\nzz\r\n", proxytest.Grant)
		}()
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			t.Errorf("%v: %s", err, answer)
		}
		_ = conn.Close()
	})
}
