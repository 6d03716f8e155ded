package wsconn

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// echo is a player's joint that answers what it hears.
type echo struct {
	end *End

	mu    sync.Mutex
	heard []string
	gone  error
	goes  int
}

func (e *echo) Heard(frame []byte) {
	e.mu.Lock()
	e.heard = append(e.heard, string(frame))
	e.mu.Unlock()
	if strings.HasPrefix(string(frame), `42["echo"`) {
		e.end.Send(frame)
	}
}

func (e *echo) Gone(why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = why
	e.goes++
}

func (e *echo) said() (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.heard, " "), e.gone
}

// lobby is a Hall with its players, in a bubble.
type lobby struct {
	t    *testing.T
	hall *Hall
	l    *pipes
	http *http.Client

	mu    sync.Mutex
	ends  []*echo
	owner string // of the requests
}

func inHall(t *testing.T, test func(t *testing.T, h *lobby)) {
	synctest.Test(t, func(t *testing.T) {
		h := &lobby{t: t, hall: NewHall(), l: &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}, owner: "me"}
		var running sync.WaitGroup
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			h.hall.Serve(w, r, h.owner, func(e *End) Player {
				p := &echo{end: e}
				h.mu.Lock()
				defer h.mu.Unlock()
				h.ends = append(h.ends, p)
				return p
			})
		})}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(h.l) }()
		transport := &http.Transport{DialContext: h.l.dial, DisableKeepAlives: true}
		h.http = &http.Client{Transport: transport}
		test(t, h)
		h.hall.Close(websocket.CloseGoingAway)
		transport.CloseIdleConnections()
		_ = server.Close()
		<-served
		running.Wait()
		time.Sleep(time.Second) // net/http lingers after a body that was too large
	})
}

const socketPath = "/socket.io/?EIO=4&transport=websocket"

func (h *lobby) dial(query string) *websocket.Conn {
	h.t.Helper()
	conn, _, err := (&websocket.Dialer{NetDialContext: h.l.dial}).Dial("ws://sk.test"+socketPath+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return conn
}

func (h *lobby) read(conn *websocket.Conn) string {
	h.t.Helper()
	_, frame, err := conn.ReadMessage()
	if err != nil {
		h.t.Fatal(err)
	}
	return string(frame)
}

func (h *lobby) ask(ctx context.Context, method, query, body string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "http://sk.test/socket.io/?EIO=4&transport=polling"+query, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	resp, err := h.http.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Error(err)
	}
	return resp.StatusCode, string(text)
}

func (h *lobby) get(query string) string {
	h.t.Helper()
	status, body := h.ask(h.t.Context(), "GET", query, "")
	if status != 200 {
		h.t.Fatalf("%d %s", status, body)
	}
	return body
}

// begin opens by polling and returns the query that goes on with it.
func (h *lobby) begin() string {
	h.t.Helper()
	var open struct {
		SID                                   string
		Upgrades                              []string
		PingInterval, PingTimeout, MaxPayload int
	}
	if err := json.Unmarshal([]byte(h.get("")[1:]), &open); err != nil || open.SID == "" || len(open.Upgrades) != 1 ||
		open.PingInterval != 25000 || open.PingTimeout != 20000 || open.MaxPayload != 1000000 {
		h.t.Fatalf("%+v %v", open, err)
	}
	return "&sid=" + open.SID
}

func (h *lobby) last() *echo {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ends[len(h.ends)-1]
}

func TestHallWebsocket(t *testing.T) {
	inHall(t, func(t *testing.T, h *lobby) {
		conn := h.dial("")
		if f := h.read(conn); !strings.HasPrefix(f, `0{`) || !strings.Contains(f, `"upgrades":[]`) {
			t.Error(f)
		}
		large := `42["echo","` + strings.Repeat("x", maxPayload-14) + `"]`
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
		h.last().end.Close(websocket.ClosePolicyViolation, errBinary)
		_, _, err := conn.ReadMessage()
		if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
			t.Error(err)
		}
		_ = conn.Close()
		synctest.Wait()
		if _, gone := h.last().said(); gone != errBinary || h.last().goes != 1 || h.hall.Len() != 0 {
			t.Errorf("gone: %v, %d times", gone, h.last().goes)
		}
	})
}

// A player without a pulse is let go, whatever its transport.
func TestHallHeartbeat(t *testing.T) {
	inHall(t, func(t *testing.T, h *lobby) {
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
		if h.hall.Len() != 0 {
			t.Error("a player that never polls stays")
		}
	})
}

func TestHallPolling(t *testing.T) {
	inHall(t, func(t *testing.T, h *lobby) {
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
		h.last().end.Send([]byte(`42["later"]`))
		if body := h.get(q); body != `42["later"]` {
			t.Errorf("%q", body)
		}
		// The end comes as a close packet.
		done := make(chan string)
		go func() { done <- h.get(q) }()
		synctest.Wait()
		h.last().end.Close(websocket.CloseGoingAway, ErrClosed)
		if body := <-done; body != "1" {
			t.Errorf("%q", body)
		}
		if status, body := h.ask(t.Context(), "GET", q, ""); status != 400 || !strings.Contains(body, `"code":1`) {
			t.Errorf("%d %s", status, body)
		}
	})
}

// From polling to a WebSocket, with something to say at each step.
func TestHallUpgrade(t *testing.T) {
	inHall(t, func(t *testing.T, h *lobby) {
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
		h.last().end.Send([]byte(`42["meanwhile"]`))
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
		if heard, _ := h.last().said(); heard != `42["echo"]` || h.hall.Len() != 1 {
			t.Errorf("%s, %d ends", heard, h.hall.Len())
		}
		_ = conn.Close()
	})
}

// A WebSocket that does not come about leaves the polling as it was.
func TestHallUpgradeFails(t *testing.T) {
	for _, c := range []struct{ desc, first, second string }{
		{"no probe", "2", ""}, {"goes on as before", "2probe", "3"}, {"silence", "", ""}, {"silence after the probe", "2probe", ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			inHall(t, func(t *testing.T, h *lobby) {
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
				h.last().end.Send([]byte("40"))
				if body := h.get(q); body != "40" {
					t.Errorf("%q", body)
				}
			})
		})
	}
}

func TestHallRefuses(t *testing.T) {
	inHall(t, func(t *testing.T, h *lobby) {
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
			{"too much", "POST", q, strings.Repeat("x", maxPayload+1), 413, "too much"},
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
func TestHallSlowPlayer(t *testing.T) {
	inHall(t, func(t *testing.T, h *lobby) {
		conn := h.dial("")
		h.read(conn)
		began := time.Now()
		h.last().end.Send([]byte("4" + strings.Repeat("x", 100<<10)))
		<-h.last().end.gone
		if took := time.Since(began); took != frameWait {
			t.Errorf("cut after %v", took)
		}
		_ = conn.Close()
		synctest.Wait()
		if _, why := h.last().said(); !errors.Is(why, errSlow) {
			t.Error(why)
		}
		h.begin()
		for range keptFrames + 1 {
			h.last().end.Send([]byte("42[]"))
		}
		if _, why := h.last().said(); !errors.Is(why, errSlow) {
			t.Errorf("too many: %v", why)
		}
		h.begin()
		for range 3 {
			h.last().end.Send(make([]byte, keptBytes/2))
		}
		if _, why := h.last().said(); !errors.Is(why, errSlow) {
			t.Errorf("too much: %v", why)
		}
		h.begin()
		h.last().end.Send(make([]byte, 2*keptBytes))
		if _, why := h.last().said(); why != nil {
			t.Errorf("one large one: %v", why)
		}
	})
	inHall(t, func(t *testing.T, h *lobby) { // reads, but too slowly for a frame in one go
		conn := h.dial("")
		h.read(conn)
		const size = 300 << 10
		h.last().end.Send([]byte("4" + strings.Repeat("x", size-1)))
		_, src, err := conn.NextReader()
		if err != nil {
			t.Fatal(err)
		}
		total, piece := 0, make([]byte, 8<<10)
		for total < size && err == nil {
			time.Sleep(frameWait / 20)
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
func TestHallCloses(t *testing.T) {
	inHall(t, func(t *testing.T, h *lobby) {
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
		h.hall.Close(websocket.CloseGoingAway)
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
		if took := time.Since(began); took > 3*lingerWait {
			t.Errorf("it took %v", took)
		}
		for _, c := range []*websocket.Conn{silent, polite, late} {
			_ = c.Close()
		}
	})
}

func TestHallIsNotEndless(t *testing.T) {
	inHall(t, func(t *testing.T, h *lobby) {
		for range maxEnds {
			h.begin()
		}
		if status, _ := h.ask(t.Context(), "GET", "", ""); status != 503 {
			t.Errorf("one more: %d", status)
		}
	})
}
