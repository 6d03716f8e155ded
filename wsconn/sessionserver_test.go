package wsconn

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

func TestSessionServerWebsocket(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		conn := h.dial("")
		if f := h.read(conn); !strings.HasPrefix(f, `0{`) || !strings.Contains(f, `"upgrades":[]`) {
			t.Error(f)
		}
		large := `42["echo","` + strings.Repeat("x", MaxPayload-14) + `"]`
		for _, f := range []string{`42["echo"]`, "", "6", "b64", "7", "1", large} {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(f)); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := h.read(conn), h.read(conn); a != `42["echo"]` || b != large {
			t.Errorf("%.40s %.40s", a, b)
		}
		// Heartbeats for an hour.
		began := time.Now()
		for time.Since(began) < time.Hour {
			if f := h.read(conn); f != "2" {
				t.Fatal(f)
			}
			if err := conn.WriteMessage(websocket.TextMessage, []byte("3")); err != nil {
				t.Fatal(err)
			}
		}
		h.last().conn.Close(websocket.ClosePolicyViolation, errBinary)
		_, _, err := conn.ReadMessage()
		if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
			t.Error(err)
		}
		_ = conn.Close()
		synctest.Wait()
		if _, gone := h.last().said(); gone != errBinary || h.last().goes != 1 || h.server.Len() != 0 {
			t.Errorf("gone: %v, %d times", gone, h.last().goes)
		}
	})
}

// A player without a heartbeat is closed, whatever its transport.
func TestSessionServerHeartbeat(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		conn := h.dial("")
		began := time.Now()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				break
			}
		}
		if took := time.Since(began); took != localPing+localPatience {
			t.Errorf("after %v", took)
		}
		_ = conn.Close()
		h.begin() // and never polls
		time.Sleep(localPing + localPatience + time.Second)
		synctest.Wait()
		if h.server.Len() != 0 {
			t.Error("a player that never polls stays")
		}
	})
}

func TestSessionServerPolling(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		q := h.begin()
		if status, body := h.ask(t.Context(), "POST", q, "40\x1e42[\"echo\",1]\x1e42[\"echo\",2]"); status != 200 || body != "ok" {
			t.Errorf("%d %s", status, body)
		}
		if heard, _ := h.last().said(); heard != `40 42["echo",1] 42["echo",2]` {
			t.Error(heard)
		}
		if body := h.get(q); body != "42[\"echo\",1]\x1e42[\"echo\",2]" {
			t.Errorf("%q", body)
		}
		began := time.Now()
		if body := h.get(q); body != "2" || time.Since(began) != localPing {
			t.Errorf("%q after %v", body, time.Since(began))
		}
		h.ask(t.Context(), "POST", q, "3")
		// One that gives up its poll may poll again, and loses nothing.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		h.ask(ctx, "GET", q, "")
		cancel()
		synctest.Wait()
		h.last().conn.Send([]byte(`42["later"]`))
		if body := h.get(q); body != `42["later"]` {
			t.Errorf("%q", body)
		}
		// The end comes as a close packet.
		done := make(chan string)
		go func() { done <- h.get(q) }()
		synctest.Wait()
		h.last().conn.Close(websocket.CloseGoingAway, ErrClosed)
		if body := <-done; body != "1" {
			t.Errorf("%q", body)
		}
		if status, body := h.ask(t.Context(), "GET", q, ""); status != 400 || !strings.Contains(body, `"code":1`) {
			t.Errorf("%d %s", status, body)
		}
	})
}

// From polling to a WebSocket, with something to say at each step.
func TestSessionServerUpgrade(t *testing.T) {
	withServer(t, func(t *testing.T, h *serverFixture) {
		q := h.begin()
		polled := make(chan string)
		go func() { polled <- h.get(q) }()
		synctest.Wait()
		conn := h.dial(q)
		say := func(f string) {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(f)); err != nil {
				t.Fatal(err)
			}
		}
		say("2probe")
		if f := h.read(conn); f != "3probe" {
			t.Fatal(f)
		}
		if body := <-polled; body != "6" {
			t.Fatalf("the poll that waits: %q", body)
		}
		if body := h.get(q); body != "6" {
			t.Errorf("one more poll: %q", body)
		}
		h.last().conn.Send([]byte(`42["meanwhile"]`))
		say("5")
		if f := h.read(conn); f != `42["meanwhile"]` {
			t.Errorf("%s", f)
		}
		say(`42["echo"]`)
		if f := h.read(conn); f != `42["echo"]` {
			t.Errorf("%s", f)
		}
		for _, method := range []string{"GET", "POST"} {
			if status, _ := h.ask(t.Context(), method, q, "3"); status != 400 {
				t.Errorf("%s by polling afterwards: %d", method, status)
			}
		}
		if heard, _ := h.last().said(); heard != `42["echo"]` || h.server.Len() != 1 {
			t.Errorf("%s, %d ends", heard, h.server.Len())
		}
		_ = conn.Close()
	})
}

// A WebSocket that does not come about leaves the polling as it was.
func TestSessionServerUpgradeFails(t *testing.T) {
	for _, c := range []struct{ desc, first, second string }{
		{"no probe", "2", ""}, {"goes on as before", "2probe", "3"}, {"silence", "", ""}, {"silence after the probe", "2probe", ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			withServer(t, func(t *testing.T, h *serverFixture) {
				q := h.begin()
				conn := h.dial(q)
				if c.first != "" {
					_ = conn.WriteMessage(websocket.TextMessage, []byte(c.first))
				}
				if c.first == "2probe" {
					h.read(conn)
				}
				if c.second != "" {
					_ = conn.WriteMessage(websocket.TextMessage, []byte(c.second))
				}
				began := time.Now()
				if _, _, err := conn.ReadMessage(); err == nil || time.Since(began) > upgradeWait {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				_ = conn.Close()
				synctest.Wait()
				h.last().conn.Send([]byte("40"))
				if body := h.get(q); body != "40" {
					t.Errorf("%q", body)
				}
			})
		})
	}
}
