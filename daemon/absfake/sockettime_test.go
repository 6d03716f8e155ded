package absfake

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// follow reads what comes, answering heartbeats if told to, and returns the
// times at which they came and that of the end, or of the limit.
func (s *socket) follow(limit time.Duration, answer bool) (beats []time.Duration, end time.Duration) {
	s.t.Helper()
	start := time.Now()
	stop := time.After(limit)
	for {
		select {
		case f := <-s.frames:
			if f != "2" {
				continue
			}
			beats = append(beats, time.Since(start))
			if answer {
				s.send("3")
			}
		case <-s.ended:
			return beats, time.Since(start)
		case <-stop:
			return beats, time.Since(start)
		}
	}
}

func TestSocketHeartbeats(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		desc   string
		join   bool
		answer bool
		beats  []time.Duration
		end    time.Duration
		code   int
	}{
		{"answers, in the namespace", true, true, []time.Duration{25 * s, 50 * s, 75 * s}, 90 * s, 0},
		{"never answers", true, false, []time.Duration{25 * s}, 45 * s, websocket.CloseNoStatusReceived},
		{"answers, never joins", false, true, []time.Duration{25 * s}, 45 * s, websocket.CloseNoStatusReceived},
	} {
		t.Run(c.desc, func(t *testing.T) {
			bubbled(t, Config{}, func(w *world) {
				s := w.dial(socketURL)
				s.next()
				if c.join {
					s.send("40")
				}
				beats, end := s.follow(90*time.Second, c.answer)
				if len(beats) != len(c.beats) || end != c.end {
					t.Fatalf("heartbeats %v, end after %v", beats, end)
				}
				for i := range beats {
					if beats[i] != c.beats[i] {
						t.Errorf("heartbeats %v, want %v", beats, c.beats)
					}
				}
				if c.code != 0 {
					s.closes(c.code)
				}
			})
		})
	}
}

// Any packet shows that the client lives, but only a pong brings the next ping.
func TestSocketLivesByAnyPacket(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		s := w.open()
		go func() {
			time.Sleep(40 * time.Second)
			s.send(`42["what"]`)
		}()
		if beats, end := s.follow(100*time.Second, false); len(beats) != 1 || end != 85*time.Second {
			t.Errorf("heartbeats %v, end after %v", beats, end)
		}
		s.closes(websocket.CloseNoStatusReceived)
		if e := w.s.Ledger().Sockets()[0]; e.Reason != "ping timeout" {
			t.Errorf("the ledger says %q", e.Reason)
		}
	})
}

// A client that does not answer the close frame is cut half a minute later.
func TestSocketLingers(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		s := w.open()
		s.conn.SetCloseHandler(func(int, string) error { return nil })
		closed := time.Now()
		w.s.DropSockets(EndClean)
		s.closes(websocket.CloseNoStatusReceived)
		synctest.Wait()
		w.s.mu.Lock()
		wires := len(w.s.sockets.wires)
		w.s.mu.Unlock()
		if wires != 1 {
			t.Errorf("%d connections right after the close frame", wires)
		}
		if _, err := s.conn.NetConn().Read(make([]byte, 1)); err == nil || time.Since(closed) != 30*time.Second {
			t.Errorf("cut after %v, %v", time.Since(closed), err)
		}
	})
}

func TestPollingTimes(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		p := w.poll()
		start := time.Now()
		if got := p.get(); got != "2" || time.Since(start) != 25*time.Second {
			t.Errorf("%q after %v", got, time.Since(start))
		}
		if got := p.get(); got != "1" || time.Since(start) != 45*time.Second {
			t.Errorf("%q after %v", got, time.Since(start))
		}
		if r := w.do("GET", p.path, nil); r.status != 400 || r.body != `{"code":1,"message":"Session ID unknown"}` {
			t.Errorf("%d %q", r.status, r.body)
		}
	})
	bubbled(t, Config{}, func(w *world) { // nobody asks, then somebody does
		p := w.poll()
		time.Sleep(26 * time.Second)
		if got := p.get(); got != "2" {
			t.Errorf("%q", got)
		}
		time.Sleep(20 * time.Second)
		if r := w.do("GET", p.path, nil); r.status != 400 {
			t.Errorf("%d %q", r.status, r.body)
		}
	})
}

// An upgrade that is not completed costs nothing but its own connection.
func TestUpgradeTimesOut(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		p := w.poll()
		s := w.dial(socketURL + p.query)
		s.send("2probe")
		if f := s.next(); f != "3probe" {
			t.Fatalf("%q", f)
		}
		if _, end := s.follow(time.Minute, false); end != 10*time.Second {
			t.Errorf("closed after %v", end)
		}
		s.closes(websocket.CloseNoStatusReceived)
		p.post("40")
		if got := p.get(); got == "" {
			t.Error("polling has stopped")
		}
	})
}
