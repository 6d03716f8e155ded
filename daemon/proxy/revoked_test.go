package proxy_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// Who is revoked while a request is held, or while a small answer is on its way,
// gets nothing of it.
func TestRevokedWhileItWaits(t *testing.T) {
	late := func(r *http.Request) (*http.Response, error) {
		time.Sleep(5 * time.Second)
		return proxytest.Says(200, `{"a":1}`, "Content-Type", "application/json")(r)
	}
	slow := func(r *http.Request) (*http.Response, error) { // its body comes after five seconds
		resp, err := proxytest.Says(200, `{"a":1}`, "Content-Type", "application/json")(r)
		resp.Body = io.NopCloser(&lateReader{d: 5 * time.Second, r: strings.NewReader(`{"a":1}`)})
		return resp, err
	}
	ok := proxytest.Says(200, `{"a":1}`, "Content-Type", "application/json")
	type answers = []func(*http.Request) (*http.Response, error)
	for _, c := range []struct {
		desc, method, path string
		answers            answers
		most               int // requests that the server may see
	}{
		{"held", "GET", "/api/me", answers{proxytest.RefusedDial, proxytest.RefusedDial, proxytest.RefusedDial, proxytest.RefusedDial,
			proxytest.RefusedDial,
			proxytest.RefusedDial, proxytest.RefusedDial, ok}, 7},
		{"an answer that is late", "GET", "/api/me", answers{late}, 1},
		{"a body that is late", "GET", "/api/me", answers{slow}, 1},
		{"a write whose answer is late", "PATCH", "/api/me/progress/1", answers{late}, 1},
		{"only a head", "HEAD", "/api/me", answers{late}, 1},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := proxytest.NewStage(t, c.answers...)
				timer := time.AfterFunc(3*time.Second, func() { g.Grants.Revoke(proxytest.Grant) })
				defer timer.Stop()
				rec, broken := g.Play(c.method, c.path, "Authorization", "Bearer "+proxytest.Grant)
				if broken || rec.Code != 401 || strings.Contains(rec.Body.String(), "a") && rec.Body.String() != "Unauthorized" ||
					len(g.Asked) > c.most {
					t.Errorf("%d %q after %v, asked %d times, broken %v", rec.Code, rec.Body, g.Took(), len(g.Asked), broken)
				}
				if rec.Header().Get("Etag") != "" || len(rec.Result().Cookies()) > 0 {
					t.Errorf("%v", rec.Header())
				}
			})
		})
	}
}

// lateReader begins late.
type lateReader struct {
	d time.Duration
	r io.Reader
}

func (l *lateReader) Read(p []byte) (int, error) {
	time.Sleep(l.d)
	l.d = 0
	return l.r.Read(p)
}

// An upload of somebody who is revoked ends.
func TestRevokedWithinAnUpload(t *testing.T) {
	begun, got := make(chan struct{}), make(chan int64, 1)
	w := proxytest.NewWorld(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 1))
		close(begun)
		n, _ := io.Copy(io.Discard, r.Body)
		got <- n
	}, func(c *proxy.Config) { c.Grants = fullGrants{c.Grants} })
	piece := strings.NewReader(strings.Repeat("x", 1<<20))
	reader, writer := io.Pipe()
	go func() {
		_, _ = io.Copy(writer, piece)
		<-begun
		w.Grants.Revoke(proxytest.Grant)
		_, _ = io.Copy(writer, io.LimitReader(zeros{}, 64<<20))
		_ = writer.Close()
	}()
	r, err := http.NewRequest("POST", "http://"+w.Addr+"/api/upload", reader)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
	if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
		if _ = resp.Body.Close(); resp.StatusCode/100 == 2 {
			t.Errorf("%s", resp.Status)
		}
	}
	_ = reader.Close()
	if n := <-got; n > 8<<20 {
		t.Errorf("the server got %d bytes", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// adminScope gives the grants of a test the admin scope.
type adminScope struct{ proxy.Grants }

func (a adminScope) Caller(ctx context.Context, s string) (players.Caller, error) {
	c, err := a.Grants.Caller(ctx, s)
	c.Scope = players.ScopeAdmin
	return c, err
}

// fullGrants gives the grants of a test the full scope.
type fullGrants struct{ proxy.Grants }

func (f fullGrants) Caller(ctx context.Context, s string) (players.Caller, error) {
	c, err := f.Grants.Caller(ctx, s)
	c.Scope = players.ScopeFull
	return c, err
}

// Who is revoked gets no more of a stream that is under way, and no clean end.
func TestRevokedWithinAStream(t *testing.T) {
	more := make(chan struct{})
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "audio/mpeg")
		_, _ = io.WriteString(rw, "first")
		_ = http.NewResponseController(rw).Flush()
		<-more
		_, _ = io.WriteString(rw, "second")
	})
	r, err := http.NewRequest("GET", "http://"+w.Addr+"/api/items/1/file/2", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	w.Grants.Revoke(proxytest.Grant)
	close(more)
	if rest, err := io.ReadAll(resp.Body); err == nil || len(rest) > 0 {
		t.Errorf("it got %q, %v", rest, err)
	}
}

// With an API key there is no event of the server's to look at the grant by:
// the events are made here.
func TestSocketOfRevokedGrantWithAPIKey(t *testing.T) {
	tokens := &proxytest.Tokens{}
	w := proxytest.NewSocketWorld(t, absfake.Config{}, func(cfg *proxy.Config) { cfg.Tokens = tokens })
	tokens.List = []string{w.APIKey()}
	p := w.Open("/socket.io/?" + proxytest.SocketQuery + "&token=" + proxytest.Grant)
	p.Send(`42["auth",""]`)
	p.Expect("init")
	w.Grants.Revoke(proxytest.Grant)
	w.Send("PATCH", "/api/me/progress/"+w.Fake.Library().Tracks().ID, strings.NewReader(`{"currentTime":5}`), "Content-Type",
		"application/json")
	frame, err := p.Read()
	for err == nil && strings.HasPrefix(frame, "2") {
		frame, err = p.Read()
	}
	if proxytest.CodeOf(err) != websocket.ClosePolicyViolation {
		t.Errorf("%q %v", frame, err)
	}
}

// A request of a grant that is revoked while the server works on it, while its small
// answer comes, or while it is held, gets nothing of the answer.
func TestRevokedBeforeAnAnswer(t *testing.T) {
	for _, c := range []struct {
		desc, method string
		server       func(rw http.ResponseWriter, revoke func())
	}{
		{"while the server works", "GET", func(rw http.ResponseWriter, revoke func()) {
			revoke()
			_, _ = io.WriteString(rw, "the answer")
		}},
		{"while a small answer comes", "GET", func(rw http.ResponseWriter, revoke func()) {
			rw.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(rw, "the a")
			_ = http.NewResponseController(rw).Flush()
			revoke()
			_, _ = io.WriteString(rw, "nswer")
		}},
		{"without a body", "HEAD", func(rw http.ResponseWriter, revoke func()) {
			revoke()
			rw.Header().Set("X-Answer", "the answer")
		}},
		{"while it is held", "GET", func(rw http.ResponseWriter, revoke func()) {
			revoke()
			rw.WriteHeader(http.StatusBadGateway)
		}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			var w *proxytest.World
			asked := 0
			w = proxytest.NewWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
				asked++
				c.server(rw, func() { w.Grants.Revoke(proxytest.Grant) })
			}, func(cfg *proxy.Config) { cfg.Hold = 10 * time.Second })
			r, err := http.NewRequest(c.method, "http://"+w.Addr+"/api/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != 401 || strings.Contains(string(text), "answer") || resp.Header.Get("X-Answer") != "" || asked != 1 {
				t.Errorf("%s %q %v, asked %d times: %v", resp.Status, text, resp.Header, asked, err)
			}
		})
	}
}
