package wsconn

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/redact"
)

// Frames for players that do not read are bounded together: the slowest player is
// closed, and the others get their frames.
func TestBytesForAllPlayersAreBounded(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		const size = 2 << 20
		frame := []byte("4" + strings.Repeat("x", size-1))
		var players []*echo
		for range 20 { // none of them polls
			h.begin()
			players = append(players, h.last())
		}
		most := 0
		for range 2 {
			for _, p := range players {
				p.conn.Send(frame)
				most = max(most, h.server.queued.inUse())
			}
		}
		if most > maxTotalBytes {
			t.Errorf("%d bytes were held", most)
		}
		closed := 0
		for _, p := range players {
			if _, why := p.said(); why != nil {
				closed++
				if !errors.Is(why, errSlow) {
					t.Error(why)
				}
			}
		}
		// 32 of 40 frames fit, and each closed player frees one or two.
		if closed == 0 || closed > 8 {
			t.Errorf("%d players were closed", closed)
		}
		for _, p := range players {
			p.conn.Close(websocket.CloseGoingAway, ErrClosed)
		}
		synctest.Wait()
		if n := h.server.queued.inUse(); n != 0 {
			t.Errorf("%d bytes are held for nobody", n)
		}
	})
}

// A player that reads waits for room that a slow one takes, and is not closed.
func TestFastPlayerSurvivesSlowOnes(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		for range maxTotalBytes / maxQueuedBytes {
			h.begin()
			h.last().conn.Send(make([]byte, maxQueuedBytes))
		}
		conn := h.dial("")
		h.read(conn)
		fast := h.last()
		began := time.Now()
		go fast.conn.Send([]byte("4" + strings.Repeat("x", 1<<20)))
		if f := h.read(conn); len(f) != 1<<20+1 {
			t.Errorf("%d bytes", len(f))
		}
		if took := time.Since(began); took > roomWait+time.Second {
			t.Errorf("it took %v", took)
		}
		if _, why := fast.said(); why != nil {
			t.Error(why)
		}
		_ = conn.Close()
	})
}

// What is queued for a player that may get nothing more does not leave.
func TestForbiddenFramesDoNotLeave(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		forbid := func(p *echo) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.forbidden = true
		}
		q := h.begin()
		h.last().conn.Send([]byte("42[1]"))
		h.last().conn.Send([]byte("42[2]"))
		forbid(h.last())
		if body := h.get(q); body != "1" {
			t.Errorf("a poll got %q", body)
		}
		conn := h.dial("")
		h.read(conn)
		forbid(h.last())
		h.last().conn.Send([]byte("42[3]"))
		_, frame, err := conn.ReadMessage()
		if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
			t.Errorf("a WebSocket got %q, %v", frame, err)
		}
		_ = conn.Close()
		synctest.Wait()
		if n := h.server.queued.inUse(); n != 0 {
			t.Errorf("%d bytes are held for nobody", n)
		}
	})
}

// Large frames of several sockets are read one after the other; who waits for too
// long gives up, and the turn comes back when a socket ends.
func TestLargeFramesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1)
		one, other := newTurn(turns), newTurn(turns)
		if !one.take(nil) {
			t.Fatal("no turn")
		}
		began := time.Now()
		if other.take(nil) || one.take(nil) || time.Since(began) != 2*turnWait {
			t.Errorf("a second turn after %v", time.Since(began))
		}
		quit := make(chan struct{})
		close(quit)
		began = time.Now()
		if other.take(quit) || one.take(quit) || time.Since(began) > 0 {
			t.Errorf("whoever quits waited for %v", time.Since(began))
		}
		go func() { time.Sleep(time.Second); one.end() }()
		if !other.take(nil) {
			t.Error("no turn after the end of the first")
		}
		other.end()
		q := newQueue(func(Event) {})
		for i := range 5 { // dropped events give their turns back
			if !one.take(nil) {
				t.Fatalf("turn %d is lost", i)
			}
			q.push(Event{Name: "x", release: one.end})
			q.close()
		}
	})
}

// A connection holds the turn of a large event until the event is consumed. Another
// one waits for it, and ends with a reason when it waits for too long.
func TestLargeEventHoldsItsTurn(t *testing.T) {
	var turns *Turns
	newTurns := func() *Turns { turns = NewTurns(1); return turns }
	script := func(f *far) {
		f.opens()
		f.hear() // auth
		f.say(`42["init",{}]`, `42["x","`+strings.Repeat("x", 300<<10)+`"]`, `42["small"]`)
		f.drain()
	}
	scriptedWith(t, newTurns, script, func(t *testing.T, open func(func(Event)) (*Conn, error)) {
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()
		start := func() (chan Event, chan error) {
			events, ended := make(chan Event, 8), make(chan error, 1)
			conn, err := open(func(e Event) { events <- e })
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Authenticate(t.Context(), redact.New("token")); err != nil {
				t.Fatal(err)
			}
			<-events // init
			running.Go(func() { defer conn.Close(); ended <- conn.Serve(ctx) })
			return events, ended
		}
		first, _ := start()
		large := <-first
		if large.Name != "x" || len(large.Args) < 300<<10 || (<-first).Name != "small" {
			t.Fatalf("%s", large)
		}
		second, ended := start()
		began := time.Now()
		if err := <-ended; !errors.Is(err, errNoTurn) || time.Since(began) != turnWait || len(second) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		large.done()
		third, _ := start()
		if e := <-third; e.Name != "x" {
			t.Errorf("%s", e)
		} else {
			e.done()
		}
		if len(turns.slots) != 0 {
			t.Error("a turn is lost")
		}
	})
}

// inUse returns the reserved bytes.
func (b *budget) inUse() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
