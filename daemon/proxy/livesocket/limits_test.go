package livesocket_test

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/wsconn"
)

const (
	floodSockets = 20
	floodFrames  = 60
	floodSize    = 900_000
	// floodHeap is a generous bound: 64 MB may wait for players, three frames are in
	// the works, and the collector lets as much garbage gather as there is in use.
	floodHeap = 300 << 20
)

// heapPeak keeps the largest heap that was seen.
type heapPeak struct{ most atomic.Uint64 }

func (h *heapPeak) look() {
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	for {
		was := h.most.Load()
		if now.HeapInuse <= was || h.most.CompareAndSwap(was, now.HeapInuse) {
			return
		}
	}
}

// The server floods players that do not read: they are closed, the memory is bounded,
// and a player that reads gets everything.
func TestFloodOfSlowPlayers(t *testing.T) {
	event := `42["x","` + strings.Repeat("x", floodSize) + `"]`
	var peak heapPeak
	var sockets atomic.Int64
	took := make(chan struct{}, floodFrames) // the reader is sent what it has room for, however busy the machine is
	base := scripted(t, func(conn *websocket.Conn) {
		reads := sockets.Add(1) > floodSockets
		for i := range floodFrames {
			if reads && i > 2 {
				<-took
			}
			if conn.WriteMessage(websocket.TextMessage, []byte(event)) != nil {
				return
			}
			if i%5 == 0 {
				peak.look()
			}
		}
		_, _, _ = conn.ReadMessage() // until the player goes
	})
	_, addr := proxytest.StartSockets(t, base)
	open := func() *proxytest.Player {
		p := proxytest.Joined(t, addr, "/socket.io/?"+proxytest.SocketQuery+"&token="+proxytest.Grant)
		p.Send(`42["auth",""]`)
		return p
	}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for range floodSockets {
		open() // and never reads
	}
	for began := time.Now(); sockets.Load() < floodSockets; <-time.After(time.Millisecond) {
		if time.Since(began) > proxytest.Patience { // until then the server does not know the one that reads
			t.Fatalf("%d sockets", sockets.Load())
		}
	}
	reader := open()
	for range floodFrames {
		if f := reader.Expect("x"); len(f) != len(event) {
			t.Fatalf("%d bytes", len(f))
		}
		took <- struct{}{}
		reader.All.Reset()
	}
	used := int64(peak.most.Load()) - int64(before.HeapInuse)
	t.Logf("%d sockets, the heap grew by %d MB", sockets.Load(), used>>20)
	if used > floodHeap {
		t.Errorf("the heap grew by %d MB", used>>20)
	}
}

// Players flood the daemon: frames of 900 kB end their sockets with the right code,
// and the largest frames that pass are not kept beyond a bound, even when the server
// is away and each of them would be a message to it.
func TestFloodFromPlayers(t *testing.T) {
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	defer w.Fake.Inject(absfake.Fault{Kind: absfake.Refuse, Upgrades: true})()
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak heapPeak
	flood := func(size int, ends func(*proxytest.Player, error)) {
		var running sync.WaitGroup
		for range floodSockets {
			p := w.Open("/socket.io/?" + proxytest.SocketQuery + "&token=" + proxytest.Grant)
			running.Go(func() {
				frame := []byte(`42["search_covers",{"requestId":"1","title":"` + strings.Repeat("x", size) + `"}]`)
				var err error
				for range floodFrames {
					if err = p.Conn.WriteMessage(websocket.TextMessage, frame); err != nil {
						break
					}
				}
				peak.look()
				ends(p, err)
			})
		}
		running.Wait()
	}
	flood(floodSize, func(p *proxytest.Player, _ error) {
		if code := p.Ends(); code != websocket.CloseMessageTooBig && code != websocket.CloseAbnormalClosure {
			t.Errorf("it ended with %d", code)
		}
	})
	flood(wsconn.MaxPayload-100, func(p *proxytest.Player, err error) {
		p.Send(`42["made up"]`, `40/x,`) // the last one is answered
		for {
			f, err2 := p.Read()
			if err != nil || err2 != nil {
				t.Errorf("it ended with %v, %v", err, err2)
				return
			}
			if strings.HasPrefix(f, "44/x,") {
				return
			}
		}
	})
	used := int64(peak.most.Load()) - int64(before.HeapInuse)
	t.Logf("the heap grew by %d MB", used>>20)
	if used > floodHeap/3 {
		t.Errorf("the heap grew by %d MB", used>>20)
	}
}
