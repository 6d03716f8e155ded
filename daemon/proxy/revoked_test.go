package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

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
