package wsconn

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

func TestSessionServerRefuses(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		q := h.begin()
		for _, c := range []struct {
			desc, method, query, body string
			status                    int
			says                      string
		}{
			{"no session of that id", "GET", "&sid=x", "", 400, `"code":1`},
			{"two ids", "GET", q + "&sid=x", "", 400, `"code":3`},
			{"two transports", "GET", "&transport=websocket", "", 400, `"code":0`},
			{"two versions", "GET", "&EIO=3", "", 400, `"code":5`},
			{"a post to nothing", "POST", "", "40", 400, `"code":2`},
			{"a put", "PUT", q, "40", 400, `"code":2`},
			{"no upgrade", "GET", q, "", 200, "2"},
			{"preflight", "OPTIONS", "", "", 204, ""},
			{"too much", "POST", q, strings.Repeat("x", MaxPayload+1), 413, "too much"},
			{"after too much", "GET", q, "", 400, `"code":1`},
		} {
			if status, body := h.ask(t.Context(), c.method, c.query, c.body); status != c.status || !strings.Contains(body, c.says) {
				t.Errorf("%s: %d %s", c.desc, status, body)
			}
		}
		q = h.begin()
		h.owner = "another"
		if status, body := h.ask(t.Context(), "GET", q, ""); status != 400 || !strings.Contains(body, `"code":1`) {
			t.Errorf("another's session: %d %s", status, body)
		}
		h.owner = "me"
		done := make(chan string)
		go func() { done <- h.get(q) }()
		synctest.Wait()
		if status, _ := h.ask(t.Context(), "GET", q, ""); status != 400 {
			t.Errorf("two polls at one time: %d", status)
		}
		if body := <-done; body != "1" {
			t.Errorf("%q", body)
		}
	})
}

// A player that does not read is cut: after a while over a WebSocket, and when
// too much waits in any case.
func TestSessionServerSlowPlayer(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		conn := h.dial("")
		h.read(conn)
		began := time.Now()
		h.last().conn.Send([]byte("4" + strings.Repeat("x", 100<<10)))
		<-h.last().conn.gone
		if took := time.Since(began); took != pieceDeadline {
			t.Errorf("cut after %v", took)
		}
		_ = conn.Close()
		synctest.Wait()
		if _, why := h.last().said(); !errors.Is(why, errSlow) {
			t.Error(why)
		}
		h.begin()
		for range maxQueuedFrames + 1 {
			h.last().conn.Send([]byte("42[]"))
		}
		if _, why := h.last().said(); !errors.Is(why, errSlow) {
			t.Errorf("too many: %v", why)
		}
		h.begin()
		for range 4 { // the largest one does not count
			h.last().conn.Send(make([]byte, maxQueuedBytes/2))
		}
		if _, why := h.last().said(); !errors.Is(why, errSlow) {
			t.Errorf("too much: %v", why)
		}
		h.begin()
		h.last().conn.Send(make([]byte, 2*maxQueuedBytes))
		for range 20 {
			h.last().conn.Send(make([]byte, 1<<10))
		}
		if _, why := h.last().said(); why != nil {
			t.Errorf("one large one, and small ones after it: %v", why)
		}
		h.last().conn.Send(make([]byte, 2*maxQueuedBytes))
		if _, why := h.last().said(); !errors.Is(why, errSlow) {
			t.Errorf("two large ones: %v", why)
		}
	})
	withServer(t, func(t *testing.T, h *serverFixture) { // reads, but too slowly for a frame in one go
		conn := h.dial("")
		h.read(conn)
		const size = 300 << 10
		h.last().conn.Send([]byte("4" + strings.Repeat("x", size-1)))
		_, src, err := conn.NextReader()
		if err != nil {
			t.Fatal(err)
		}
		total, piece := 0, make([]byte, 8<<10)
		for total < size && err == nil {
			time.Sleep(pieceDeadline / 20)
			var n int
			n, err = src.Read(piece)
			total += n
		}
		if total != size {
			t.Errorf("%d bytes, %v", total, err)
		}
		_ = conn.Close()
	})
}

// Close does not wait for a player that answers nothing, and nobody comes in
// after it.
func TestSessionServerCloses(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		silent, polite := h.dial(""), h.dial("")
		h.read(silent)
		h.read(polite)
		q := h.begin()
		polled := make(chan string)
		go func() { polled <- h.get(q) }()
		said := make(chan error)
		go func() { _, _, err := polite.ReadMessage(); said <- err }()
		synctest.Wait()
		began := time.Now()
		h.server.Close(websocket.CloseGoingAway)
		if body := <-polled; body != "1" {
			t.Errorf("%q", body)
		}
		if err := <-said; !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Error(err)
		}
		if status, _ := h.ask(t.Context(), "GET", "", ""); status != 503 {
			t.Errorf("afterwards: %d", status)
		}
		late := h.dial("")
		if _, _, err := late.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseTryAgainLater) {
			t.Errorf("afterwards: %v", err)
		}
		if took := time.Since(began); took > 3*closeTimeout {
			t.Errorf("it took %v", took)
		}
		for _, c := range []*websocket.Conn{silent, polite, late} {
			_ = c.Close()
		}
	})
}

func TestSessionServerIsNotEndless(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		for range maxPlayerConns {
			h.begin()
		}
		if status, _ := h.ask(t.Context(), "GET", "", ""); status != 503 {
			t.Errorf("one more: %d", status)
		}
	})
}
