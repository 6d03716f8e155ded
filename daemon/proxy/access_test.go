package proxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

func TestWhoMayComeIn(t *testing.T) {
	unknown := func(net.Conn) players.Peer { return players.Peer{UID: 4711} }
	root := func(net.Conn) players.Peer { return players.Peer{UID: 0, Known: true} }
	bearer := []string{"Authorization", "Bearer " + proxytest.Grant}
	for _, c := range []struct {
		desc   string
		peerOf func(net.Conn) players.Peer
		access proxy.Access
		path   string
		header []string
		status int
		name   string
	}{
		{"same user", proxytest.Me, "", "/api/me", nil, 200, ""},
		{"same user, empty bearer", proxytest.Me, "", "/api/me", []string{"Authorization", "Bearer "}, 200, ""},
		{"same user, empty token", proxytest.Me, "", "/api/items/1/file/2?token=", nil, 200, ""},
		{"same user, wrong grant", proxytest.Me, "", "/api/me?token=x", nil, 401, "bad-grant"},
		{"other user", root, "", "/api/me", nil, 401, "needs-grant"},
		{"other user, public route", root, "", "/public/session/1/track/1", nil, 401, "needs-grant"},
		{"other user with the grant", root, "", "/api/me", bearer, 200, ""},
		{"other user with the grant as token", root, "", "/api/me?token=" + proxytest.Grant, nil, 200, ""},
		{"lower-case scheme", root, "", "/api/me", []string{"Authorization", "bearer " + proxytest.Grant}, 200, ""},
		{"the same grant twice", root, "", "/api/me?token=" + proxytest.Grant, bearer, 200, ""},
		{"unknown user", unknown, "", "/api/me", nil, 401, "needs-grant"},
		{"unknown user with the grant", unknown, "", "/api/me", bearer, 200, ""},
		{"grant for all", proxytest.Me, proxy.AccessGrant, "/api/me", nil, 401, "grant-only"},
		{"grant for all, presented", proxytest.Me, proxy.AccessGrant, "/api/me", bearer, 200, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"),
				func(cfg *proxy.Config) { cfg.PeerOf, cfg.Access = c.peerOf, c.access })
			a := w.Do("GET", c.path, c.header...)
			if a.StatusCode != c.status || c.name != "" && w.Server.Stats().Refused[c.name] != 1 {
				t.Errorf("%s %s", a.Status, a.Text)
			}
			if got := w.Server.Stats().Unauthorized; (got == 1) != (c.status == 401) {
				t.Errorf("%d unauthorized counted", got)
			}
			if (len(w.Requests()) > 0) != (c.status == 200) {
				t.Errorf("%d requests upstream", len(w.Requests()))
			}
			for _, r := range w.Requests() {
				if strings.Contains(r.RequestURI, "token") || r.Header.Get("Authorization") != "Bearer "+proxytest.Access1 {
					t.Errorf("%s %v", r.RequestURI, r.Header)
				}
			}
		})
	}
}

// The user is asked for once a connection, and only when it matters.
func TestPeerIsAskedOnce(t *testing.T) {
	var asked atomic.Int32
	w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"), func(cfg *proxy.Config) {
		cfg.PeerOf = func(c net.Conn) players.Peer { asked.Add(1); return proxytest.Me(c) }
	})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 3 {
		resp, err := client.Get("http://" + w.Addr + "/api/me")
		if err != nil {
			t.Fatal(err)
		}
		// Only a body that was read to its end leaves the connection for the
		// next request.
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Error(err)
		}
		_ = resp.Body.Close()
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	w.Do("GET", "/api/me", "Authorization", "Bearer "+proxytest.Grant)
	if n := asked.Load(); n != 1 {
		t.Errorf("asked for a player with a grant")
	}
}

// A program of another user, for real.
func TestAnotherUser(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the peer's user is told on Linux only")
	}
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must run this as root: it starts a program of another user")
		}
		t.Skip("needs root, to start a program of another user")
	}
	w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"), func(cfg *proxy.Config) { cfg.PeerOf, cfg.OwnUID = nil, os.Getuid() })
	for _, c := range []struct {
		uid   uint32
		query string
		want  string
	}{
		{12345, "", "401 shelfkeeper: without a grant"},
		{12345, "?token=" + proxytest.Grant, "200 {}"},
		{0, "", "200 {}"},
	} {
		cmd := exec.CommandContext(context.Background(), "/proc/self/exe")
		cmd.Env = []string{getVar + "=http://" + w.Addr + "/api/me" + c.query}
		asUser(cmd, c.uid)
		out, err := cmd.Output()
		if err != nil || !strings.HasPrefix(string(out), c.want) {
			t.Errorf("user %d %s: %s, %v", c.uid, c.query, out, err)
		}
	}
	if n := len(w.Requests()); n != 2 {
		t.Errorf("%d requests upstream", n)
	}
}

func TestBrowsersLiveAt127001(t *testing.T) {
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			proxytest.Text("application/json", "{}")(rw, r)
			return
		}
		proxytest.Text("text/html", "<html>")(rw, r)
	})
	port := w.Addr[strings.LastIndex(w.Addr, ":"):]
	for _, c := range []struct {
		method, host, mode, target string
		status                     int
	}{
		{"GET", "localhost", "navigate", "/item/1?x=%2F", 307},
		{"HEAD", "LOCALHOST", "navigate", "/", 307},
		{"GET", "[::1]", "navigate", "/", 307},
		{"GET", "127.0.0.1", "navigate", "/", 200},
		{"GET", "localhost", "cors", "/api/me", 200},
		{"GET", "localhost", "", "/api/me", 200},
	} {
		r, err := http.NewRequest(c.method, "http://"+w.Addr+c.target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host + port
		r.Header.Set("Sec-Fetch-Site", "none")
		if c.mode != "" {
			r.Header.Set("Sec-Fetch-Mode", c.mode)
		}
		a := w.RoundTrip(r)
		if a.StatusCode != c.status {
			t.Errorf("%+v: %s %s", c, a.Status, a.Text)
		}
		if want := "http://127.0.0.1" + port + c.target; c.status == 307 && a.Header.Get("Location") != want {
			t.Errorf("%+v: to %s", c, a.Header.Get("Location"))
		}
	}
	// Our own pages and players.
	own := "http://" + w.Addr
	for _, header := range [][]string{
		{"Origin", own, "Sec-Fetch-Site", "same-origin", "Referer", own + "/x"},
		{"Sec-Fetch-Site", "same-origin", "Referer", "http://evil.example/"},
		{"Referer", own + "/"},
		{"Referer", "http://localhost" + port + "/"},
	} {
		if a := w.Do("GET", "/api/me", header...); a.StatusCode != 200 {
			t.Errorf("%v: %s", header, a.Status)
		}
	}
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := proxytest.NewWorld(t, proxytest.Text("text/plain", ""))
	err = w.Server.Listen(l.Addr().String())
	var taken *proxy.PortTaken
	if !errors.As(err, &taken) || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Fatalf("got %v", err)
	}
	if runtime.GOOS == "linux" && (taken.Holder.PID != os.Getpid() || !strings.Contains(err.Error(), "proxy")) {
		t.Errorf("got %v", err)
	}
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:1", "localhost:1", "127.0.0.1", ""} {
		if err := w.Server.Listen(addr); err == nil || errors.As(err, &taken) {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

func TestNewWantsItsParts(t *testing.T) {
	if _, err := proxy.New(proxy.Config{}); err == nil {
		t.Error("an empty configuration")
	}
	w := proxytest.NewWorld(t, proxytest.Text("text/plain", ""))
	cfg := w.Config
	cfg.Access = "everybody"
	if _, err := proxy.New(cfg); err == nil {
		t.Error("an unknown policy")
	}
	cfg.Access = ""
	s, err := proxy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(); err == nil {
		t.Error("served nothing")
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := s.Listen("127.0.0.1:0"); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("listening after Close: %v", err)
	}
}
