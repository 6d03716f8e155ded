package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
)

// Who is revoked gets no more of a stream that is under way, and no clean end.
func TestRevokedWithinAStream(t *testing.T) {
	more := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "audio/mpeg")
		_, _ = io.WriteString(rw, "first")
		_ = http.NewResponseController(rw).Flush()
		<-more
		_, _ = io.WriteString(rw, "second")
	})
	r, err := http.NewRequest("GET", "http://"+w.addr+"/api/items/1/file/2", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+grant)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	w.grants.revoke(grant)
	close(more)
	if rest, err := io.ReadAll(resp.Body); err == nil || len(rest) > 0 {
		t.Errorf("it got %q, %v", rest, err)
	}
}

// With an API key there is no event of the server's to look at the grant by:
// the events are made here.
func TestSocketOfRevokedGrantWithAPIKey(t *testing.T) {
	tokens := &fakeTokens{}
	w := newSocketWorld(t, absfake.Config{}, func(cfg *Config) { cfg.Tokens = tokens })
	tokens.list = []string{w.apiKey()}
	p := w.open("/socket.io/?" + socketQuery + "&token=" + grant)
	p.send(`42["auth",""]`)
	p.expect("init")
	w.grants.revoke(grant)
	w.send("PATCH", "/api/me/progress/"+w.fake.Library().Tracks().ID, strings.NewReader(`{"currentTime":5}`), "Content-Type", "application/json")
	frame, err := p.read()
	for err == nil && strings.HasPrefix(frame, "2") {
		frame, err = p.read()
	}
	if codeOf(err) != websocket.ClosePolicyViolation {
		t.Errorf("%q %v", frame, err)
	}
}
