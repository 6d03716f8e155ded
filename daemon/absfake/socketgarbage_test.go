package absfake

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// Every case was run against socket.io 4.7.4 with engine.io 6.5.4. A frame that
// begins with "bin:" is sent as binary, and "+" joins frames to one segment.
func TestSocketGarbage(t *testing.T) {
	ping, pong := `42["ping"]`, `42["pong"]`
	for _, c := range []struct {
		desc   string
		send   []string
		want   []string // after the open packet; "40" stands for 40 with a sid
		closes bool
	}{
		{"event before the namespace", []string{ping}, nil, true},
		{"event in one segment with the namespace", []string{"40+" + ping}, nil, true},
		{"namespace twice", []string{"40", "40"}, []string{"40"}, true},
		{"event after leaving", []string{"40", "41", ping}, []string{"40"}, true},
		{"leaving and coming back", []string{"40", "41", "40", ping}, []string{"40", "40", pong}, false},
		{"other namespaces", []string{"40/foo,", "40/foo?x=1,{}", "40", "42/foo,[1]"},
			[]string{`44/foo,{"message":"Invalid namespace"}`, `44/foo?x=1,{"message":"Invalid namespace"}`, "40"}, true},
		{"ping of the client", []string{"40", "2"}, []string{"40"}, true},
		{"packets that mean nothing here", []string{"3probe", "5", "0", "6", "1", "40", ping}, []string{"40", pong}, false},
		{"no packet", []string{"hello"}, nil, true},
		{"empty frame", []string{""}, nil, true},
		{"empty message", []string{"4"}, nil, true},
		{"binary in base64", []string{"40", "bAQID"}, []string{"40"}, true},
		{"binary", []string{"40", "bin:\x01\x02\x03"}, []string{"40"}, true},
		{"broken JSON", []string{"40", "42{broken"}, []string{"40"}, true},
		{"event that is an object", []string{"40", `42{"a":1}`}, []string{"40"}, true},
		{"event without a name", []string{"40", `42[]`}, []string{"40"}, true},
		{"event named null", []string{"40", `42[null]`}, []string{"40"}, true},
		{"event named by a number", []string{"40", `42[1]`, ping}, []string{"40", pong}, false},
		{"reserved event", []string{"40", `42["disconnect"]`}, []string{"40"}, true},
		{"event error", []string{"40", `42["error"]`, ping}, []string{"40", pong}, false},
		{"event without anything", []string{"40", "42", ping}, []string{"40", pong}, false},
		{"unknown event", []string{"40", `42["what",{"a":1}]`, ping}, []string{"40", pong}, false},
		{"acknowledgements", []string{"40", "43[1]", "431[]", ping}, []string{"40", pong}, false},
		{"acknowledgement that is none", []string{"40", "43{}"}, []string{"40"}, true},
		{"refusal of a namespace", []string{"40", `44{"message":"x"}`}, []string{"40"}, true},
		{"unknown kind", []string{"40", "47"}, []string{"40"}, true},
		{"namespace with a list", []string{"40[]"}, nil, true},
		{"namespace with a string", []string{`40"x"`}, nil, true},
		{"leaving with words", []string{"40", "41foo"}, []string{"40"}, true},
		{"namespace with an id", []string{"401", ping}, []string{"40", pong}, false},
		{"event with binary", []string{"40", `451-["ping",{"_placeholder":true,"num":0}]`, "bin:\x09", ping}, []string{"40", pong, pong},
			false},
		{"text where binary is due", []string{"40", `451-["ping",{"_placeholder":true,"num":0}]`, ping}, []string{"40"}, true},
		{"event with no binary though it says so", []string{"40", `450-["ping"]`, ping}, []string{"40", pong}, true},
		{"binary without a number", []string{"40", `45x["ping"]`}, []string{"40"}, true},
		{"event with an id and a space", []string{"40", `4212 ["ping"]`}, []string{"40", pong}, false},
		{"a million bytes", []string{"40", `42["x","` + strings.Repeat("y", 999_980) + `"]`, ping}, []string{"40", pong}, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			bubbled(t, Config{}, func(w *world) {
				s := w.dial(socketURL)
				s.next()
				for _, f := range c.send {
					s.segment(f)
				}
				for _, want := range c.want {
					if f := s.next(); f != want && (want != "40" || !strings.HasPrefix(f, `40{"sid":"`)) {
						t.Fatalf("%q, want %q", f, want)
					}
				}
				if c.closes {
					s.closes(websocket.CloseNoStatusReceived)
				} else {
					s.silent()
				}
			})
		})
	}
}

// segment sends frames, joined by "+", at once. A socket the server has closed
// already takes nothing more.
func (s *socket) segment(frames string) {
	first, second, joined := strings.Cut(frames, "+")
	switch {
	case strings.HasPrefix(frames, "bin:"):
		_ = s.conn.WriteMessage(websocket.BinaryMessage, []byte(frames[4:]))
	case joined:
		_, _ = s.conn.NetConn().Write(append(maskedFrame(first), maskedFrame(second)...))
	default:
		_ = s.conn.WriteMessage(websocket.TextMessage, []byte(frames))
	}
	time.Sleep(10 * time.Millisecond)
}

// maskedFrame is a text frame under a mask of zeros.
func maskedFrame(text string) []byte {
	return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
}

func TestSocketTooLong(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		s := w.open()
		sent := make(chan struct{})
		go func() { // the server stops reading within it
			defer close(sent)
			s.segment(`42["x","` + strings.Repeat("y", maxPayload) + `"]`)
		}()
		s.closes(websocket.CloseMessageTooBig)
		<-sent
	})
}

func TestSocketInvalidText(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		s := w.open()
		s.segment("42[\"\xff\"]")
		s.closes(websocket.CloseInvalidFramePayloadData)
	})
}

func TestSocketClosesAsTheClientDoes(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		for _, code := range []int{websocket.CloseNormalClosure, 4321, websocket.CloseNoStatusReceived} {
			s := w.open()
			_ = s.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, "bye"))
			s.closes(code)
		}
		synctest.Wait()
		for _, e := range w.s.Ledger().Sockets() {
			if e.Reason != "transport close" {
				t.Errorf("the ledger says %q", e.Reason)
			}
		}
	})
}

// Requests for an upgrade that is none, and what the connection sees.
func TestSocketBadUpgrade(t *testing.T) {
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	const fine = key + "Sec-WebSocket-Version: 13\r\n"
	refused := func(kind, text string) string {
		return "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n" + kind + ": text/html\r\nContent-Length: " + strconv.Itoa(len(text)) +
			"\r\n\r\n" + text
	}
	for _, c := range []struct {
		desc, method, path, upgrade, headers, want string
		late                                       bool
	}{
		{"no key", "GET", socketURL, "websocket", "Sec-WebSocket-Version: 13\r\n",
			refused("Content-Type", "Missing or invalid Sec-WebSocket-Key header"), false},
		{"version 12", "GET", socketURL, "websocket", key + "Sec-WebSocket-Version: 12\r\n",
			refused("Content-Type", "Missing or invalid Sec-WebSocket-Version header"), false},
		{"another protocol", "GET", socketURL, "h2c", fine, refused("Content-Type", "Invalid Upgrade header"), false},
		{"POST", "POST", socketURL, "websocket", fine, refused("Content-type", "Bad handshake method"), false},
		{"unknown sid", "GET", socketURL + "&sid=nope", "websocket", fine, refused("Content-type", "Session ID unknown"), false},
		{"no transport", "GET", "/socket.io/?EIO=4", "websocket", fine, refused("Content-type", "Transport unknown"), false},
		{"no slash", "GET", "/socket.io?EIO=4&transport=websocket", "websocket", fine, "", true},
		{"other case", "GET", "/Socket.IO/?EIO=4&transport=websocket", "websocket", fine, "", true},
		{"an API path", "GET", "/api/me", "websocket", fine, "", true},
		{"HTTP/2 elsewhere", "GET", "/ping", "h2c", "", "", true},
	} {
		t.Run(c.desc, func(t *testing.T) {
			bubbled(t, Config{}, func(w *world) {
				start := time.Now()
				got := w.raw(c.method + " " + c.path + " HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: " + c.upgrade +
					"\r\n" + c.headers + "\r\n")
				if got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
				if late := time.Since(start) == time.Second; late != c.late {
					t.Errorf("closed after %v", time.Since(start))
				}
			})
		})
	}
}

// raw sends bytes and reads until the connection closes.
func (w *world) raw(text string) string {
	w.t.Helper()
	conn, err := w.client.Transport.(*http.Transport).DialContext(w.t.Context(), "tcp", "abs.test:80")
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		w.t.Fatal(err)
	}
	all, _ := io.ReadAll(conn)
	return string(all)
}

// A client of an old protocol is upgraded, then told off in HTTP.
func TestSocketOldProtocol(t *testing.T) {
	for _, query := range []string{"EIO=3&", "", "EIO=5&"} {
		bubbled(t, Config{}, func(w *world) {
			s := w.dial("/socket.io/?" + query + "transport=websocket")
			if s.err != nil {
				t.Fatal(s.err)
			}
			s.closes(websocket.CloseAbnormalClosure)
			got := w.raw("GET /socket.io/?" + query +
				"transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
			r := bufio.NewReader(strings.NewReader(got))
			for _, want := range []int{101, 400} {
				a, err := http.ReadResponse(r, nil)
				if err != nil || a.StatusCode != want {
					t.Fatalf("%v %v, want %d", a, err, want)
				}
			}
			if len(w.s.Ledger().Sockets()) != 0 {
				t.Error("a session was opened")
			}
		})
	}
}
