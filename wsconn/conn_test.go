package wsconn

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/redact"
)

const opening = `0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`

// scripted runs a test in a bubble, against a server that says what it is told
// to after the upgrade; it lives until the client or the script ends.
func scripted(t *testing.T, script func(far *far), test func(t *testing.T, open func(deliver func(Event)) (*Conn, error))) {
	t.Helper()
	scriptedWith(t, func() *Turns { return nil }, script, test)
}

// scriptedWith is scripted for connections that take turns.
func scriptedWith(
	t *testing.T, newTurns func() *Turns, script func(far *far), test func(t *testing.T, open func(deliver func(Event)) (*Conn, error)),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		var running sync.WaitGroup // hijacked: the server does not wait for them
		front := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			u := websocket.Upgrader{}
			ws, err := u.Upgrade(rw, r, nil)
			if err != nil {
				return
			}
			defer ws.Close()
			script(&far{ws})
		})}
		served := make(chan struct{})
		go func() { defer close(served); _ = front.Serve(l) }()
		w := &world{t: t, net: &counted{dial: l.dial}}
		up := w.reach("http://abs.test")
		defer func() { _ = front.Close(); <-served; running.Wait() }()
		test(t, func(deliver func(Event)) (*Conn, error) {
			return Open(t.Context(), up, deliver, Watch{}, turns)
		})
		synctest.Wait()
		if open, _, _ := w.net.numbers(); open != 0 {
			t.Errorf("%d connections left", open)
		}
	})
}

// far is the server's end.
type far struct{ ws *websocket.Conn }

func (f *far) opens() {
	f.say(opening)
	f.hear()
	f.say(`40{"sid":"n"}`)
}

func (f *far) say(frames ...string) {
	for _, s := range frames {
		_ = f.ws.WriteMessage(websocket.TextMessage, []byte(s))
	}
}

// hear is the next frame, "" at the end.
func (f *far) hear() string {
	_, b, err := f.ws.ReadMessage()
	if err != nil {
		return ""
	}
	return string(b)
}

// drain reads to the end and returns what came.
func (f *far) drain() (heard []string) {
	for s := f.hear(); s != ""; s = f.hear() {
		heard = append(heard, s)
	}
	return heard
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		desc   string
		frames []string
		says   string
	}{
		{"garbage", []string{"hello"}, "no packet"},
		{"no handshake", []string{`0[]`}, "no Audiobookshelf live socket"},
		{"no id", []string{`0{"pingInterval":25000,"pingTimeout":20000}`}, "no Audiobookshelf live socket"},
		{"no heartbeat", []string{`0{"sid":"s","pingInterval":0,"pingTimeout":20000}`}, "no Audiobookshelf live socket"},
		{"a heartbeat a day", []string{`0{"sid":"s","pingInterval":86400000,"pingTimeout":20000}`}, "no Audiobookshelf live socket"},
		{"overflow", []string{`0{"sid":"s","pingInterval":9223372036854775807,"pingTimeout":1}`}, "no Audiobookshelf live socket"},
		{"closes at once", []string{"1"}, "closed the live socket"},
		{"silence", nil, "nothing came over the live socket in time"},
		{"silence later", []string{opening}, "did not answer on the live socket in time"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			scripted(t, func(f *far) { f.say(c.frames...); f.drain() }, func(t *testing.T, open func(func(Event)) (*Conn, error)) {
				start := time.Now()
				_, err := open(func(Event) {})
				var w *TemporaryError
				if !errors.As(err, &w) || !strings.Contains(w.Evidence, c.says) || strings.ContainsRune(w.Evidence, 7) {
					t.Errorf("%v", err)
				}
				if took := time.Since(start); took > joinDeadline {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestServeEnds(t *testing.T) {
	for _, c := range []struct {
		desc string
		end  func(f *far)
		says string
	}{
		{"engine", func(f *far) { f.say("1"); f.drain() }, "the server closed the live socket"},
		{"namespace", func(f *far) { f.say("41"); f.drain() }, "the server ended the live socket"},
		{"close frame", func(f *far) {
			_ = f.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1001, "bye"))
			f.drain()
		}, "the server closed the live socket (1001)"},
		{"garbage", func(f *far) { f.say("42["); f.drain() }, "no packet"},
		{"cut", func(*far) {}, cutEvidence},
		{"broken frame", func(f *far) { _, _ = f.ws.NetConn().Write([]byte{0xff, 0xff, 0, 0}); f.drain() }, "broke"},
		{"too much", func(f *far) {
			_, _ = f.ws.NetConn().Write([]byte{0x81, 127, 0, 0, 0, 0, 1, 0, 0, 1}) // a header of 16 MiB + 1
			f.drain()
		}, "more at once"},
		{"only pongs", func(f *far) { f.drain() }, "no heartbeat of the server for 1m42s"},
		{"silence", func(f *far) { time.Sleep(2 * time.Minute) }, "no heartbeat of the server for 51s"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			scripted(t, func(f *far) { f.opens(); c.end(f) }, func(t *testing.T, open func(func(Event)) (*Conn, error)) {
				conn, err := open(func(Event) {})
				if err != nil {
					t.Fatal(err)
				}
				err = conn.Serve(t.Context())
				var w *TemporaryError
				if !errors.As(err, &w) || !strings.Contains(w.Evidence, c.says) {
					t.Errorf("%v", err)
				}
				start := time.Now()
				conn.Close()
				conn.Close()
				if took := time.Since(start); took > closeGrace {
					t.Errorf("Close took %v", took)
				}
			})
		})
	}
}

func TestNamespaceRefused(t *testing.T) {
	script := func(f *far) {
		f.say(opening)
		f.hear()
		f.say(`44{"message":"Invalid namespace` + "\u0085" + `"}`)
		f.drain()
	}
	scripted(t, script, func(t *testing.T, open func(func(Event)) (*Conn, error)) {
		var w *TemporaryError
		const want = `the server refused the namespace: {"message":"Invalid namespace "}`
		if _, err := open(func(Event) {}); !errors.As(err, &w) || w.Evidence != want {
			t.Errorf("%v", err)
		}
	})
}

// What Socket.IO allows and ABS does not use is passed over, and events of
// every phase arrive, in order.
func TestConversation(t *testing.T) {
	var heard []string
	script := func(f *far) {
		f.say(opening)
		heard = append(heard, f.hear())
		f.say("6", "2")
		heard = append(heard, f.hear())
		f.say(`40/other,{"sid":"o"}`, `40{"sid":"n"}`)
		heard = append(heard, f.hear())
		f.say(`42["user_online",{"id":"a"}]`, `42/other,["init",{}]`, `42["auth_failed",{"message":"Invalid token"}]`)
		heard = append(heard, f.hear())
		f.say("2x")
		heard = append(heard, f.hear())
		f.say(`42["init",{"userId":"u"}]`, `451-["pic",{"_placeholder":true,"num":0}]`)
		_ = f.ws.WriteMessage(websocket.BinaryMessage, []byte{1, 2})
		f.say(`42[7,"by number"]`, "430[]", `42["auth_failed",{}]`, `42["user_session_closed","p"]`)
		heard = append(heard, f.drain()...)
	}
	scripted(t, script, func(t *testing.T, open func(func(Event)) (*Conn, error)) {
		var names []string
		got := make(chan struct{})
		conn, err := open(func(e Event) {
			names = append(names, e.Name)
			if e.Name == "user_session_closed" {
				close(got)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		var refused *Refused
		if err := conn.Authenticate(t.Context(), redact.New("old")); !errors.As(err, &refused) || refused.Message != "Invalid token" {
			t.Fatal(err)
		}
		if err := conn.Authenticate(t.Context(), redact.New("new")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- conn.Serve(ctx) }()
		<-got
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		conn.Close()
		if s := strings.Join(names, " "); s != "user_online init pic auth_failed user_session_closed" {
			t.Errorf("events: %s", s)
		}
	})
	if s := strings.Join(heard, " "); s != `40 3 42["auth","old"] 42["auth","new"] 3x 41` {
		t.Errorf("the server heard %s", s)
	}
}

// A server that goes on talking and never closes its end is not waited for.
func TestGoodbyeToATalker(t *testing.T) {
	script := func(f *far) {
		f.opens()
		f.ws.SetCloseHandler(func(int, string) error { return nil })
		read := make(chan struct{})
		go func() { defer close(read); f.drain() }()
		for f.ws.WriteMessage(websocket.TextMessage, []byte(`42["tick"]`)) == nil {
			time.Sleep(300 * time.Millisecond)
		}
		<-read
	}
	scripted(t, script, func(t *testing.T, open func(func(Event)) (*Conn, error)) {
		conn, err := open(func(Event) {})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		err = conn.Serve(ctx)
		conn.Close()
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != time.Minute+closeGrace {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// ABS gives some tokens no answer at all.
func TestAuthDeadline(t *testing.T) {
	script := func(f *far) {
		f.opens()
		f.drain()
	}
	scripted(t, script, func(t *testing.T, open func(func(Event)) (*Conn, error)) {
		conn, err := open(func(Event) {})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		start := time.Now()
		var w *TemporaryError
		if err := conn.Authenticate(t.Context(), redact.New("x")); !errors.As(err, &w) || time.Since(start) != authDeadline {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
