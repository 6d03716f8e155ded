package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

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
