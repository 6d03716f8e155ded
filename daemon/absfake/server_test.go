package absfake

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestRestartLosesWhatOnlyMemoryHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Large: 1 << 20})
		first := w.login()
		auth := []string{"Authorization", "Bearer " + first.access}
		item := w.s.Library().Tracks()
		session, _ := w.do("POST", "/api/items/"+item.ID+"/play", m{"forceDirectPlay": true}, auth...).json(t)["id"].(string)
		track := "/public/session/" + session + "/track/1"
		if r := w.do("GET", track, nil, "Range", "bytes=0-9"); r.status != 206 {
			t.Fatalf("track: %d", r.status)
		}
		must(t, errIf(w.do("PATCH", "/api/me/progress/"+item.ID, m{"currentTime": 5, "duration": 600}, auth...).status != 200))
		time.Sleep(2 * time.Second)
		second := w.mustRefresh(first.refresh)

		remove := w.s.Inject(Fault{Kind: Stall, Path: "/logout"})
		broken := make(chan error, 1)
		go func() {
			broken <- w.do("POST", "/logout", nil).err // a client repeats a lost GET by itself
		}()
		must(t, w.s.Ledger().Wait(t.Context(), func(l *Ledger) bool {
			return l.Count(func(e Entry) bool { return e.Path == "/logout" }) == 1
		}))
		w.s.Restart()
		if err := <-broken; err == nil {
			t.Error("a request in flight was answered across the restart")
		}
		remove()

		if r := w.do("GET", track, nil); r.status != 404 {
			t.Errorf("track of a session from before: %d", r.status)
		}
		if r := w.do("POST", "/api/session/"+session+"/sync", m{"currentTime": 1}, auth...); r.status != 404 {
			t.Errorf("sync of a session from before: %d", r.status)
		}
		if s := w.me(first.access); s != 200 {
			t.Errorf("access token from before: %d", s)
		}
		if got := w.mustRefresh(first.refresh); got.refresh != second.refresh {
			t.Error("the grace window must survive a restart")
		}
		if r := w.do("GET", "/api/me/progress/"+item.ID, nil, auth...); r.status != 200 {
			t.Errorf("progress from before: %d", r.status)
		}
	})
}

func errIf(failed bool) error {
	if failed {
		return errors.New("unexpected answer")
	}
	return nil
}

func TestRestartFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.s.Inject(Fault{Kind: Restart, After: 30 * time.Second})
		lost := 0
		for range 100 {
			if w.do("POST", "/logout", nil).err != nil { // a client repeats a lost GET by itself
				lost++
			}
			time.Sleep(time.Second)
		}
		if lost != 3 {
			t.Errorf("%d requests lost in 100 s with a restart every 30 s", lost)
		}
	})
}

func TestBodyInFlightEndsWithTheProcess(t *testing.T) {
	s, err := New(Config{Large: 50 << 20, LimiterMax: -1})
	must(t, err)
	outside := httptest.NewServer(s.Handler()) // connections that the double does not own
	defer outside.Close()
	w := &world{t: t, s: s, client: outside.Client()}
	s.Inject(Fault{Kind: Rate, Path: "/api/items", Bytes: 100_000})
	login, err := outside.Client().Post(outside.URL+"/login", "application/json",
		strings.NewReader(`{"username":"demo","password":"demo"}`))
	must(t, err)
	raw, err := io.ReadAll(login.Body)
	must(t, err)
	_ = login.Body.Close()
	token := tokensIn(t, reply{body: string(raw)}).access
	item := w.s.Library().Large()
	answer, err := outside.Client().Get(outside.URL + "/api/items/" + item.ID + "/file/" + item.Files[0].Ino + "?token=" + token)
	must(t, err)
	if _, err := io.ReadFull(answer.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	if _, err := io.Copy(io.Discard, answer.Body); err == nil {
		t.Error("the body was whole")
	}
	_ = answer.Body.Close()
	must(t, s.Close())
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Large: 1 << 20})
		must(t, err)
		l := s.Listen()
		idle, err := l.DialContext(t.Context(), "tcp", "any:1")
		must(t, err)
		busy, err := l.DialContext(t.Context(), "tcp", "any:1")
		must(t, err)
		s.Inject(Fault{Kind: Stall})
		if _, err := io.WriteString(busy, "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		must(t, s.Ledger().Wait(t.Context(), func(l *Ledger) bool { return l.Totals().Requests == 1 }))
		must(t, s.Close())
		must(t, s.Close())
		for _, c := range []net.Conn{idle, busy} {
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("a connection outlived the server")
			}
			_ = c.Close()
		}
		if _, err := l.DialContext(t.Context(), "tcp", "any:1"); err == nil {
			t.Error("dialled a closed server")
		}
		if err := s.Serve(&MemListener{queue: make(chan net.Conn), closed: make(chan struct{})}); !errors.Is(err, ErrClosed) {
			t.Errorf("Serve after Close: %v", err)
		}
	})
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Large: 1 << 20})
		must(t, err)
		defer s.Close()
		conn, err := s.Listen().DialContext(t.Context(), "tcp", "any:1")
		must(t, err)
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(conn)
		answer, err := http.ReadResponse(reader, nil)
		must(t, err)
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if answer.Header.Get("Keep-Alive") != "timeout=5" || answer.Header.Get("Connection") != "keep-alive" {
			t.Errorf("headers %v", answer.Header)
		}
		began := time.Now()
		if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) || time.Since(began) != 6*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestBasePath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{BasePath: "/audiobookshelf", Large: 1 << 20})
		token := w.login().access
		item := w.s.Library().Tracks()
		for path, want := range map[string]int{
			"/ping": 200, "/audiobookshelf/ping": 200, "/audiobookshelf/PING/": 200, "/audiobookshelfX/ping": 404,
			"/audiobookshelf/audiobookshelf/ping": 404,
			"/audiobookshelf/api/me":              401, "/audiobookshelf/api/me?token=" + token: 200,
			"/audiobookshelf/api/items/" + item.ID + "/cover": 200,
		} {
			if r := w.do("GET", path, nil); r.status != want {
				t.Errorf("%s: %d, want %d", path, r.status, want)
			}
		}
		r := w.do("POST", "/audiobookshelf/api/items/"+item.ID+"/play", m{"forceDirectPlay": true}, "Authorization", "Bearer "+token)
		if !strings.Contains(r.body, `"contentUrl":"/api/items/`) {
			t.Error("contentUrl must not have the base path")
		}
	})
}

func TestInit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Uninitialised: true})
		if r := w.do("GET", "/status", nil).json(t); r["isInit"] != false || r["ConfigPath"] == nil {
			t.Errorf("status %v", r)
		}
		if r := w.do("POST", "/init", m{}); r.err == nil {
			t.Errorf("init without newRoot is answered with %d", r.status)
		}
		must(t, errIf(w.do("POST", "/init", m{"newRoot": m{"username": "r", "password": "p"}}).status != 200))
		if r := w.do("POST", "/init", m{"newRoot": m{}}); r.status != 500 {
			t.Errorf("second init: %d", r.status)
		}
		w.loginAs("r", "p")
		if r := w.do("GET", "/status", nil).json(t); r["isInit"] != true || r["ConfigPath"] != nil {
			t.Errorf("status %v", r)
		}
	})
}

// Everything at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	s, err := New(Config{Large: 1 << 20, LimiterMax: -1})
	must(t, err)
	l := s.Listen()
	transport := &http.Transport{DialContext: l.DialContext}
	w := &world{t: t, s: s, client: &http.Client{Transport: transport}}
	var group sync.WaitGroup
	first := w.login()
	for n := range 8 {
		group.Go(func() {
			got := first
			for range 15 {
				if next, msg := w.refresh(got.refresh); msg == "" {
					got = next
				}
				w.do("GET", "/api/me", nil, "Authorization", "Bearer "+got.access)
				w.do("POST", "/api/items/"+s.Library().Tracks().ID+"/play", m{"forceDirectPlay": true, "deviceInfo": m{"deviceId": n % 3}},
					"Authorization", "Bearer "+got.access)
			}
		})
	}
	group.Go(func() {
		for range 10 {
			remove := s.Inject(Fault{Kind: Stall, After: time.Millisecond, Probability: 0.5})
			s.Restart()
			_ = s.Rename("demo", "demo")
			s.Ledger().Entries()
			remove()
		}
	})
	group.Wait()
	transport.CloseIdleConnections()
	must(t, s.Close())
}

// One slash too many is no other path behind a mounted router, and nowhere else.
func TestDoubledSlashes(t *testing.T) {
	for _, base := range []string{"", "/audiobookshelf"} {
		s, err := New(Config{BasePath: base})
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]int{
			"/ping": 200, "//ping": 200, "///ping": 404, "/ping//": 404, base + "//ping": 200, base + "///ping": 404,
			"//api/me": 401, "/api//me": 401, "//api//me": 401, "/API//me": 401, "///api/me": 404, "/api/libraries//x": 401,
			"//status": 200, "//hls/s/x.m3u8": 404, "//api/items/0/cover": 404, "/api//items/0/cover": 404,
			"//socket.io/?EIO=4&transport=polling": 404, "/socket.io//?EIO=4&transport=polling": 200,
		} {
			rec := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/", nil)
			r.RequestURI = path
			if r.URL, err = url.ParseRequestURI(path); err != nil {
				t.Fatal(err)
			}
			s.Handler().ServeHTTP(rec, r)
			if rec.Code != want {
				t.Errorf("base %q: %s is %d, want %d", base, path, rec.Code, want)
			}
		}
		_ = s.Close()
	}
}
