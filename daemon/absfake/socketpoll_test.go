package absfake

import (
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// poller is a session over plain requests.
type poller struct {
	w           *world
	path, query string
}

func (w *world) poll() *poller { return w.pollUnder("") }

func (w *world) pollUnder(base string) *poller {
	w.t.Helper()
	r := w.do("GET", base+pollURL, nil)
	var open struct{ Sid string }
	if r.status != 200 || json.Unmarshal([]byte(strings.TrimPrefix(r.body, "0")), &open) != nil {
		w.t.Fatalf("handshake: %d %q %v", r.status, r.body, r.err)
	}
	return &poller{w: w, path: base + pollURL + "&sid=" + open.Sid, query: "&sid=" + open.Sid}
}

func (p *poller) get() string {
	p.w.t.Helper()
	r := p.w.do("GET", p.path, nil)
	if r.status != 200 {
		p.w.t.Fatalf("GET: %d %q %v", r.status, r.body, r.err)
	}
	return r.body
}

func (p *poller) post(packets ...string) {
	p.w.t.Helper()
	if r := p.w.do("POST", p.path, strings.Join(packets, "\x1e")); r.status != 200 || r.body != "ok" {
		p.w.t.Fatalf("POST: %d %q %v", r.status, r.body, r.err)
	}
}

// later is a GET that waits.
func (p *poller) later() <-chan reply {
	got := make(chan reply, 1)
	go func() { got <- p.w.do("GET", p.path, nil) }()
	synctest.Wait()
	return got
}

func TestPolling(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		token := w.loginAs("alice", "a").access
		r := w.do("GET", pollURL, nil)
		if !strings.Contains(r.body, `"upgrades":["websocket"]`) || r.header.Get("Content-Type") != "text/plain; charset=UTF-8" ||
			r.header.Get("Cache-Control") != "no-store" || r.header.Get("Access-Control-Allow-Origin") != "*" ||
			len(r.header["Set-Cookie"]) != 0 {
			t.Errorf("handshake: %q %v", r.body, r.header)
		}
		p := w.poll()
		waits := p.later()
		p.post("40")
		if r := <-waits; !strings.HasPrefix(r.body, `40{"sid":"`) {
			t.Errorf("namespace: %q", r.body)
		}
		p.post(encodeEvent("auth", token), `42["ping"]`)
		time.Sleep(time.Second)
		// The answer to auth waits for the database.
		if got := p.get(); !strings.HasPrefix(got, "42[\"pong\"]\x1e42[\"init\",") {
			t.Errorf("%q", got)
		}
		item := w.s.Library().Tracks().ID
		waits = p.later()
		w.do("PATCH", "/api/me/progress/"+item, m{"currentTime": 5}, "Authorization", "Bearer "+token)
		if r := <-waits; !strings.HasPrefix(r.body, `42["user_updated",`) {
			t.Errorf("event: %q", r.body)
		}
		waits = p.later()
		p.post("1")
		if r := <-waits; r.body != "6" {
			t.Errorf("GET at the end: %q", r.body)
		}
		if e := w.s.Ledger().Sockets()[1]; e.Transport != "polling" || e.Reason != "transport close" || e.User != "alice" || e.Sent != 3 ||
			e.Received != 2 {
			t.Errorf("the ledger says %+v", e)
		}
	})
}

// What a session over requests makes of mistakes; run against engine.io 6.5.4.
func TestPollingGarbage(t *testing.T) {
	gone := `{"code":1,"message":"Session ID unknown"}`
	for _, c := range []struct {
		desc string
		post string
		next string // what a GET afterwards gets
		wait string // what a GET that waited got
	}{
		{"no packet", "hello", gone, "1"},
		{"empty", "", gone, "1"},
		{"ping of the client", "2", gone, "1"},
		{"broken message", "4{broken", gone, "1"},
		{"namespace and event in one body", "40\x1e42[\"ping\"]", gone, "1"},
		{"the end, then more", "40\x1e1\x1e42[\"ping\"]", gone, "6"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			bubbled(t, Config{}, func(w *world) {
				p := w.poll()
				waits := p.later()
				p.post(c.post)
				if r := <-waits; r.body != c.wait {
					t.Errorf("the GET that waited got %q, want %q", r.body, c.wait)
				}
				if r := w.do("GET", p.path, nil); r.body != c.next {
					t.Errorf("afterwards %q, want %q", r.body, c.next)
				}
			})
		})
	}
	bubbled(t, Config{}, func(w *world) { // nobody waits: the end is kept for who asks
		p := w.poll()
		p.post("4{broken")
		if got := p.get(); got != "6\x1e1" {
			t.Errorf("%q", got)
		}
		if r := w.do("GET", p.path, nil); r.body != gone {
			t.Errorf("afterwards %q", r.body)
		}
	})
	bubbled(t, Config{}, func(w *world) {
		p := w.poll()
		waits := p.later()
		if r := w.do("GET", p.path, nil); r.status != 400 || r.body != "" {
			t.Errorf("second GET: %d %q", r.status, r.body)
		}
		if r := <-waits; r.body != "1" {
			t.Errorf("first GET: %q", r.body)
		}
	})
	bubbled(t, Config{}, func(w *world) {
		p := w.poll()
		if r := w.do("POST", p.path, strings.Repeat("4", maxPayload+1)); r.status != 413 {
			t.Errorf("too long: %d", r.status)
		}
		if r := w.do("PUT", p.path, nil); r.status != 500 || r.body != "" {
			t.Errorf("PUT: %d %q", r.status, r.body)
		}
		p.post("3") // it goes on
	})
}

func TestPollingRefusals(t *testing.T) {
	bubbled(t, Config{BasePath: "/audiobookshelf"}, func(w *world) {
		p, prefixed := w.poll(), w.pollUnder("/audiobookshelf")
		for _, c := range []struct {
			method, path string
			code         string
		}{
			{"GET", "/socket.io/", `{"code":0,"message":"Transport unknown"}`},
			{"GET", "/socket.io/?EIO=4", `{"code":0,"message":"Transport unknown"}`},
			{"GET", "/socket.io/?EIO=4&transport=webtransport", `{"code":0,"message":"Transport unknown"}`},
			{"GET", pollURL + "&sid=nope", `{"code":1,"message":"Session ID unknown"}`},
			{"GET", pollURL + prefixed.query, `{"code":1,"message":"Session ID unknown"}`},
			{"GET", "/audiobookshelf" + pollURL + p.query, `{"code":1,"message":"Session ID unknown"}`},
			{"POST", pollURL, `{"code":2,"message":"Bad handshake method"}`},
			{"GET", socketURL, `{"code":3,"message":"Bad request"}`},
			{"GET", socketURL + p.query, `{"code":3,"message":"Bad request"}`},
			{"GET", "/socket.io/?EIO=3&transport=polling", `{"code":5,"message":"Unsupported protocol version"}`},
			{"GET", "/socket.io/?transport=polling", `{"code":5,"message":"Unsupported protocol version"}`},
		} {
			r := w.do(c.method, c.path, nil)
			if r.status != 400 || r.body != c.code || r.header.Get("Content-Type") != "application/json" ||
				r.header.Get("Content-Length") != "" ||
				r.header.Get("Access-Control-Allow-Origin") != "*" || r.header.Get("Referrer-Policy") != "" {
				t.Errorf("%s %s: %d %q %v", c.method, c.path, r.status, r.body, r.header)
			}
		}
		r := w.do("OPTIONS", pollURL, nil, "Origin", "http://x", "Access-Control-Request-Headers", "content-type")
		if r.status != 204 || r.header.Get("Access-Control-Allow-Methods") != "GET,POST" ||
			r.header.Get("Access-Control-Allow-Headers") != "content-type" {
			t.Errorf("preflight: %d %v", r.status, r.header)
		}
		if r := w.do("GET", "/audiobookshelf/audiobookshelf"+pollURL, nil); r.status != 404 {
			t.Errorf("doubled prefix: %d", r.status)
		}
	})
}

// Long bodies are compressed, unlike every answer of the REST API.
func TestPollingCompresses(t *testing.T) {
	long := "44/" + strings.Repeat("x", compressFrom) + `,{"message":"Invalid namespace"}`
	for _, c := range []struct{ accept, coding string }{
		{"", ""}, {"br", ""}, {"gzip, deflate, br", "gzip"}, {"deflate, gzip;q=0.5", "deflate"}, {"*", "gzip"}, {"gzip;q=0", ""},
	} {
		bubbled(t, Config{}, func(w *world) {
			p := w.poll()
			p.post(strings.TrimSuffix("40"+long[2:], `{"message":"Invalid namespace"}`))
			r := w.do("GET", p.path, nil, "Accept-Encoding", c.accept)
			if got := r.header.Get("Content-Encoding"); got != c.coding {
				t.Fatalf("%q: coding %q", c.accept, got)
			}
			if got := unpacked(t, c.coding, r.body); got != long {
				t.Errorf("%q: %q", c.accept, got)
			}
		})
	}
}

func unpacked(t *testing.T, coding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

func TestUpgrade(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		p := w.poll()
		p.post("40")
		p.get()
		waits := p.later()
		s := w.dial(socketURL + p.query)
		s.send("2probe")
		if f := s.next(); f != "3probe" {
			t.Fatalf("probe: %q", f)
		}
		start := time.Now()
		if r := <-waits; r.body != "6" || time.Since(start) > upgradeCheck {
			t.Errorf("the GET got %q after %v", r.body, time.Since(start))
		}
		second := w.dial(socketURL + p.query) // while one is under way
		second.closes(1005)
		p.post(`42["ping"]`) // its answer finds no GET and takes the new way
		s.send("5")
		if f := s.next(); f != `42["pong"]` {
			t.Errorf("%q", f)
		}
		if r := w.do("GET", p.path, nil); r.status != 400 || r.body != `{"code":3,"message":"Bad request"}` {
			t.Errorf("GET afterwards: %d %q", r.status, r.body)
		}
		third := w.dial(socketURL + p.query)
		third.closes(1005)
		list := w.s.Ledger().Sockets()
		if len(list) != 1 || list[0].Transport != "websocket" || !list[0].Closed.IsZero() {
			t.Errorf("the ledger says %+v", list)
		}
	})
	bubbled(t, Config{}, func(w *world) { // what is no probe ends the attempt alone
		p := w.poll()
		s := w.dial(socketURL + p.query)
		s.send("40")
		s.closes(1005)
		p.post("40")
		p.get()
	})
}

// A client that leaves its GET has left.
func TestPollingClientGone(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		p := w.poll()
		conn, err := w.client.Transport.(*http.Transport).DialContext(w.t.Context(), "tcp", "abs.test:80")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET "+p.path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_ = conn.Close()
		synctest.Wait()
		if e := w.s.Ledger().Sockets()[0]; e.Reason != "transport error" {
			t.Errorf("the ledger says %q", e.Reason)
		}
	})
}
