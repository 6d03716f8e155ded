package upstream

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A gateway closes an idle connection at the very moment at which a request goes out on
// it. What may not be sent twice never meets that.
func TestUnsafeRequestsTakeNoIdleConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer l.Close()
	var mu sync.Mutex
	seen := map[string]int{}
	// Each connection answers one request without announcing its end, reads the next
	// one, and closes.
	serve := func(conn net.Conn) {
		defer conn.Close()
		in := bufio.NewReader(conn)
		for i := range 2 {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			mu.Lock()
			seen[r.Method+" "+r.URL.Path+" "+string(body)]++
			mu.Unlock()
			if i == 0 {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}
	}
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { serve(conn) })
		}
	})
	u := open(t, Policy{Base: address(t, "http://"+l.Addr().String()), ProxyURL: "direct"})
	for i, c := range []struct{ method, body string }{
		{"GET", ""}, {"POST", "a"}, {"POST", "b"}, {"PATCH", "c"}, {"GET", ""}, {"DELETE", ""}, {"PUT", "d"}, {"POST", ""},
	} {
		r, err := http.NewRequest(c.method, "http://"+l.Addr().String()+"/"+string(rune('0'+i)), strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := u.Transport().RoundTrip(r)
		if err != nil {
			t.Errorf("%s %d: %v", c.method, i, err)
			continue
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	u.Close()
	mu.Lock()
	defer mu.Unlock()
	for request, n := range seen {
		if n != 1 && !strings.HasPrefix(request, "GET ") {
			t.Errorf("%s was sent %d times", request, n)
		}
	}
}
