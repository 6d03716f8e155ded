package proxy_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

const (
	soakTime    = time.Hour
	soakSockets = 8 // players with a live socket
	soakStreams = 4 // players that stream
	// soakGrowth is how much the heap may grow after the first ten minutes. The double
	// itself keeps a record of every request.
	soakGrowth = 24 << 20
)

// soak is an hour of players that come, flood, stop reading and go, before a server
// that fails in every way it can.
type soak struct {
	t     *testing.T
	fake  *absfake.Server
	front *pipes
	file  *absfake.File
	path  string // of the file
	item  string
	until time.Time
}

func TestSoak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, err := absfake.New(absfake.Config{LimiterMax: -1})
		if err != nil {
			t.Fatal(err)
		}
		base := &url.URL{Scheme: "http", Host: "abs.example"}
		up, err := upstream.New(upstream.Policy{Base: base, Dial: fake.Listen().DialContext})
		if err != nil {
			t.Fatal(err)
		}
		session := proxytest.SignedIn(t, fake)
		server, err := proxy.New(proxy.Config{
			Base: base, Transport: up.Transport(), Sockets: up, Tokens: session,
			Grants:   adminGrants{&proxytest.Grants{Good: map[string]bool{proxytest.Grant: true}}},
			Identity: func() (string, []redact.Secret) { return session.Identity() },
			PeerOf:   proxytest.Me, OwnUID: 4711, Port: 13379,
		})
		if err != nil {
			t.Fatal(err)
		}
		item := fake.Library().Tracks()
		s := &soak{t: t, fake: fake, front: newPipes(), file: item.Files[0], item: item.ID, until: time.Now().Add(soakTime)}
		s.path = "/api/items/" + item.ID + "/file/" + s.file.Ino
		if err := server.Use(s.front); err != nil {
			t.Fatal(err)
		}
		var serving, playing sync.WaitGroup
		serving.Go(func() { _ = server.Serve() })
		for seed := range uint64(soakSockets) {
			playing.Go(func() { s.listens(rand.New(rand.NewPCG(seed, 1))) })
		}
		for seed := range uint64(soakStreams) {
			playing.Go(func() { s.streams(rand.New(rand.NewPCG(seed, 2))) })
		}
		playing.Go(func() { s.reports(rand.New(rand.NewPCG(1, 3))) })
		playing.Go(func() { s.fails(server, rand.New(rand.NewPCG(1, 4))) })
		time.Sleep(10 * time.Minute)
		early := heap()
		playing.Wait()
		synctest.Wait()
		if late := heap(); late > early+soakGrowth {
			t.Errorf("the heap grew from %d to %d MB", early>>20, late>>20)
		} else {
			t.Logf("the heap: %d MB after ten minutes, %d MB after an hour; %+v", early>>20, late>>20, server.Stats())
		}
		// A socket that was cut is noticed by its heartbeat at the latest.
		time.Sleep(2 * time.Minute)
		if n := server.Stats(); n.Sockets != 0 || n.Active != 0 {
			t.Errorf("%d sockets and %d requests are left", n.Sockets, n.Active)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := server.Close(gone); err != nil {
			t.Error(err)
		}
		serving.Wait()
		up.Close()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // net/http lingers
	})
}

func heap() uint64 {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return now.HeapAlloc
}

func (s *soak) over() bool { return !time.Now().Before(s.until) }

// pause sleeps for at most d.
func pause(r *rand.Rand, d time.Duration) { time.Sleep(time.Duration(r.Int64N(int64(d)))) }

// listens is a player with a live socket that reads, floods, or does nothing.
func (s *soak) listens(r *rand.Rand) {
	d := websocket.Dialer{NetDialContext: s.front.dial, HandshakeTimeout: time.Minute}
	for !s.over() {
		pause(r, time.Minute)
		conn, _, err := d.Dial("ws://127.0.0.1:13379/socket.io/?"+proxytest.SocketQuery+"&token="+proxytest.Grant, nil)
		if err != nil {
			s.t.Error(err)
			return
		}
		_ = conn.WriteMessage(websocket.TextMessage, []byte("40"))
		_ = conn.WriteMessage(websocket.TextMessage, []byte(`42["auth",""]`))
		for alive := true; alive && !s.over(); {
			switch r.IntN(8) {
			case 0: // a flood, which may be refused
				frame := []byte(`42["search_covers",{"requestId":"1","title":"` + strings.Repeat("x", r.IntN(80<<10)) + `"}]`)
				_ = conn.SetWriteDeadline(time.Now().Add(time.Minute))
				for range r.IntN(40) {
					if alive = conn.WriteMessage(websocket.TextMessage, frame) == nil; !alive {
						break
					}
				}
			case 1: // reads nothing
				pause(r, 2*time.Minute)
			case 2:
				alive = r.IntN(3) > 0
			default:
				alive = s.hears(conn, time.Duration(r.Int64N(int64(time.Minute))))
			}
		}
		_ = conn.Close()
	}
}

// hears reads for so long and answers heartbeats.
func (s *soak) hears(conn *websocket.Conn, d time.Duration) bool {
	by := time.AfterFunc(d, func() { _ = conn.WriteControl(websocket.PingMessage, []byte("enough"), time.Now().Add(time.Minute)) })
	defer by.Stop()
	enough := false
	conn.SetPongHandler(func(string) error { enough = true; return nil })
	for began := time.Now(); !enough && time.Since(began) < d+time.Minute; {
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return false
		}
		if strings.Contains(string(frame), ".eyJ") {
			s.t.Error("a token came through")
		}
		if string(frame) == "2" && conn.WriteMessage(websocket.TextMessage, []byte("3")) != nil {
			return false
		}
		if time.Since(began) >= d {
			return true
		}
	}
	return true
}

// streams is a player that takes a part of a file at its own pace. Whatever it gets is
// the file.
func (s *soak) streams(r *rand.Rand) {
	transport := &http.Transport{DialContext: s.front.dial, DisableKeepAlives: true, DisableCompression: true}
	for !s.over() {
		pause(r, time.Minute)
		from := r.Int64N(s.file.Size)
		req, err := http.NewRequest("GET", "http://127.0.0.1:13379"+s.path, nil)
		if err != nil {
			s.t.Error(err)
			return
		}
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, min(s.file.Size-1, from+int64(r.IntN(300<<10)))))
		resp, err := transport.RoundTrip(req)
		if err != nil {
			continue // cut before the answer
		}
		got, want := make([]byte, 8<<10), make([]byte, 8<<10)
		for at := from; resp.StatusCode == http.StatusPartialContent; {
			if r.IntN(20) == 0 {
				pause(r, time.Minute)
			}
			n, err := resp.Body.Read(got)
			if n > 0 {
				if _, err := s.file.ReadAt(want[:n], at); err != nil && err != io.EOF || string(got[:n]) != string(want[:n]) {
					s.t.Errorf("other bytes at %d: %v", at, err)
				}
				at += int64(n)
			}
			if err != nil || r.IntN(200) == 0 {
				break
			}
		}
		_ = resp.Body.Close()
	}
}

// reports moves the progress, which the server tells every socket.
func (s *soak) reports(r *rand.Rand) {
	transport := &http.Transport{DialContext: s.front.dial, DisableKeepAlives: true}
	for i := 0; !s.over(); i++ {
		pause(r, 20*time.Second)
		req, err := http.NewRequest("PATCH", "http://127.0.0.1:13379/api/me/progress/"+s.item,
			strings.NewReader(fmt.Sprintf(`{"currentTime":%d}`, i)))
		if err != nil {
			s.t.Error(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		if resp, err := transport.RoundTrip(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
}

// fails makes the server fail for a while, again and again.
func (s *soak) fails(server *proxy.Server, r *rand.Rand) {
	for !s.over() {
		pause(r, time.Minute)
		var f absfake.Fault
		switch r.IntN(7) {
		case 0:
			f = absfake.Fault{Kind: absfake.Refuse}
		case 1:
			f = absfake.Fault{Kind: absfake.CutBytes, Bytes: r.Int64N(100 << 10)}
		case 2:
			f = absfake.Fault{Kind: absfake.Stall, Bytes: r.Int64N(100 << 10)}
		case 3:
			f = absfake.Fault{Kind: absfake.Answer, Status: 502}
		case 4:
			f = absfake.Fault{Kind: absfake.Refuse, Upgrades: true}
		case 5:
			s.fake.DropSockets(absfake.EndCut)
			continue
		case 6:
			server.Wake("soak")
			server.NetworkChanged("soak")
			continue
		}
		remove := s.fake.Inject(f)
		pause(r, 90*time.Second)
		remove()
	}
}
