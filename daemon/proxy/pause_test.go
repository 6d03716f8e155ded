package proxy_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/progress"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// A pause cuts what is being played, without a clean end, refuses what comes
// with its reason, and is over with Resume.
func TestPauseCutsStreamsAndRefuses(t *testing.T) {
	more := make(chan struct{})
	defer close(more)
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "audio/mpeg")
		_, _ = io.WriteString(rw, "first")
		_ = http.NewResponseController(rw).Flush()
		if strings.HasSuffix(r.URL.Path, "/file/2") {
			select {
			case <-more:
			case <-r.Context().Done():
			}
		}
	})
	get := func(path string) *http.Response {
		t.Helper()
		r, err := http.NewRequest("GET", "http://"+w.Addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	stream := get("/api/items/1/file/2")
	if _, err := io.ReadFull(stream.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	w.Server.Pause(time.Now().Add(30*time.Second), "until half a minute")
	if rest, err := io.ReadAll(stream.Body); err == nil || len(rest) > 0 {
		t.Errorf("the stream went on or ended clean: %q, %v", rest, err)
	}
	for _, path := range []string{"/api/me", "/status", "/ping", "/", "/api/items/1/file/2"} {
		resp := get(path)
		body, _ := io.ReadAll(resp.Body)
		if retry := resp.Header.Get("Retry-After"); resp.StatusCode != 503 || retry != "30" {
			t.Errorf("%s: %d, Retry-After %q", path, resp.StatusCode, retry)
		}
		why := resp.Header.Get("Shelfkeeper-Reason")
		if !strings.Contains(why, "until half a minute") || !strings.Contains(why, "shelfkeeper resume") {
			t.Errorf("%s: reason %q, body %q", path, why, body)
		}
	}
	r, err := http.NewRequest("GET", "http://"+w.Addr+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer wrong")
	if resp, err := http.DefaultTransport.RoundTrip(r); err != nil || resp.StatusCode != 401 {
		t.Errorf("a stranger is told of the pause: %v, %v", resp, err)
	} else {
		_ = resp.Body.Close()
	}
	w.Server.Resume()
	if resp := get("/api/items/1/file/3"); resp.StatusCode != 200 {
		t.Errorf("after resume: %d", resp.StatusCode)
	}
}

// A pause with an end ends by the clock, told or not.
func TestPauseEndsByItself(t *testing.T) {
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "x") })
	w.Server.Pause(time.Now().Add(-time.Second), "")
	resp, err := http.Get("http://" + w.Addr + "/ping")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("%d", resp.StatusCode)
	}
}

func TestPauseClosesLiveSockets(t *testing.T) {
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	p := w.Open("/socket.io/?" + proxytest.SocketQuery + "&token=" + proxytest.Grant)
	p.Send(`42["auth",""]`)
	p.Expect("init")
	w.Server.Pause(time.Time{}, "until you resume it")
	_, err := p.Read()
	for err == nil {
		_, err = p.Read()
	}
	if code := proxytest.CodeOf(err); code != websocket.CloseGoingAway {
		t.Errorf("closed with %d, %v", code, err)
	}
	resp, err := http.Get("http://" + w.Addr + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "60" {
		t.Errorf("a new socket: %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	w.Server.Resume()
	again := w.Open("/socket.io/?" + proxytest.SocketQuery + "&token=" + proxytest.Grant)
	again.Send(`42["auth",""]`)
	again.Expect("init")
}

// keeper is a journal that takes everything.
type keeper struct{ taken []progress.Report }

func (k *keeper) Take(_ context.Context, r progress.Report) (progress.Answer, error) {
	k.taken = append(k.taken, r)
	return progress.Answer{Status: 200}, nil
}
func (k *keeper) Reserve(context.Context, int64) (func(), error) { return func() {}, nil }
func (k *keeper) Opened(string, io.Reader)                       {}
func (k *keeper) AwaitDelivery(context.Context)                  {}

// A player that was playing reports once more. The report is not lost.
func TestPauseKeepsReportsOfListening(t *testing.T) {
	k := &keeper{}
	w := proxytest.NewWorld(t, func(http.ResponseWriter, *http.Request) {}, func(c *proxy.Config) { c.Journal = k })
	w.Server.Pause(time.Time{}, "")
	r, err := http.NewRequest("POST", "http://"+w.Addr+"/api/session/s1/sync", strings.NewReader(`{"currentTime":5,"timeListened":5}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 200 || len(k.taken) != 1 {
		t.Errorf("%d, %d taken", resp.StatusCode, len(k.taken))
	}
}
