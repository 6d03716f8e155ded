package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// scripted is a server that answers each connection as a function says.
type scripted struct {
	url   string
	conns atomic.Int32
}

func newScripted(t *testing.T, secure *tls.Config, serve func(n int, c net.Conn, in *bufio.Reader)) *scripted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{url: "http://" + l.Addr().String()}
	if secure != nil {
		l, s.url = tls.NewListener(l, secure), "https://"+l.Addr().String()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(s.conns.Add(1))
			go func() {
				defer c.Close()
				serve(n, c, bufio.NewReader(c))
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return s
}

// answers reads requests and answers each with what say returns, until that is "".
func answers(c net.Conn, in *bufio.Reader, say func(*http.Request) string) {
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		answer := say(r)
		if answer == "" {
			return
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// upstreamTo returns an Upstream to a server, and its pool.
func upstreamTo(t *testing.T, address, ca string) (*Upstream, *pool) {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u, err := New(Policy{Base: base, CAFile: ca, ProxyURL: "direct"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u, u.poolInUse()
}

// given asks as the proxy does.
func given(ctx context.Context, u *Upstream, method, path string) (string, *http.Response, error) {
	r, err := http.NewRequestWithContext(NewErrand(ctx, true), method, u.base.String()+path, nil)
	if err != nil {
		return "", nil, err
	}
	resp, err := u.Transport().RoundTrip(r)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), resp, err
}

// Answers of every kind of length come over one line, one after the other.
func TestLineCarriesEveryAnswer(t *testing.T) {
	s := newScripted(t, nil, func(_ int, c net.Conn, in *bufio.Reader) {
		answers(c, in, func(r *http.Request) string {
			switch r.URL.Path {
			case "/chunked":
				return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n"
			case "/early":
				return "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok("late")
			case "/empty":
				return "HTTP/1.1 204 No Content\r\n\r\n"
			case "/head":
				return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
			}
			return ok("length")
		})
	})
	u, p := upstreamTo(t, s.url, "")
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/", "length"}, {"GET", "/chunked", "abcde"}, {"GET", "/early", "late"}, {"GET", "/empty", ""}, {"HEAD", "/head", ""},
		{"GET", "/last", "length"},
	} {
		body, resp, err := given(t.Context(), u, c.method, c.path)
		if err != nil || body != c.want {
			t.Fatalf("%s: %q, %v", c.path, body, err)
		}
		if c.path == "/chunked" && resp.Trailer.Get("X-Sum") != "5" {
			t.Errorf("trailer %v", resp.Trailer)
		}
	}
	if n := s.conns.Load(); n != 1 || len(p.lines.idle) != 1 {
		t.Errorf("%d connections, %d idle", n, len(p.lines.idle))
	}
}

// An end that the other side announces, brings with an answer or makes at the very
// moment of the next request never reaches who asks.
func TestLineThatEnds(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		closes func(n, request int) bool // without an answer
		want   string
		conns  int32
	}{
		"announced":             {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", nil, "x", 3},
		"HTTP/1.0":              {"HTTP/1.0 200 OK\r\n\r\nx", nil, "x", 3},
		"at the second request": {ok("x"), func(n, request int) bool { return n == 1 && request == 2 }, "x", 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScripted(t, nil, func(n int, conn net.Conn, in *bufio.Reader) {
				request := 0
				answers(conn, in, func(*http.Request) string {
					request++
					if c.closes != nil && c.closes(n, request) {
						return ""
					}
					if c.closes == nil {
						_, _ = io.WriteString(conn, c.answer)
						return ""
					}
					return c.answer
				})
			})
			u, _ := upstreamTo(t, s.url, "")
			for i := range 3 {
				if body, _, err := given(t.Context(), u, "GET", "/"); err != nil || body != c.want {
					t.Fatalf("request %d: %q, %v", i, body, err)
				}
			}
			if n := s.conns.Load(); n != c.conns {
				t.Errorf("%d connections, want %d", n, c.conns)
			}
		})
	}
}

// What nobody asked for is never taken for the next answer, over TLS either, where it may
// lie in the same record.
func TestLineWithStrayAnswer(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	secure := &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"http/1.1"}}
	for _, size := range []int{1, 3000, 30_000} {
		for _, config := range []*tls.Config{nil, secure} {
			for _, later := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d bytes, TLS %v, later %v", size, config != nil, later), func(t *testing.T) {
					body := strings.Repeat("x", size)
					s := newScripted(t, config, func(n int, c net.Conn, in *bufio.Reader) {
						answers(c, in, func(*http.Request) string {
							if !later {
								return ok(body) + ok("stray")
							}
							_, _ = io.WriteString(c, ok(body))
							return ok("stray")
						})
					})
					u, p := upstreamTo(t, s.url, ca)
					for range 3 {
						got, _, err := given(t.Context(), u, "GET", "/")
						if err != nil || got != body {
							t.Fatalf("%d bytes %.20q, %v", len(got), got, err)
						}
						waitUntil(t, "the stray answer has come", func() bool {
							p.lines.mu.Lock()
							defer p.lines.mu.Unlock()
							return len(p.lines.idle) == 0 || !p.lines.idle[0].silent()
						})
					}
				})
			}
		}
	}
}

// Who goes ends the line, before the head and within the body, and is told why.
func TestLineIsCutByItsAsker(t *testing.T) {
	why := errors.New("the player is gone")
	for _, head := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"} {
		gone, asked := make(chan struct{}), make(chan struct{})
		s := newScripted(t, nil, func(_ int, c net.Conn, in *bufio.Reader) {
			if _, err := http.ReadRequest(in); err == nil {
				_, _ = io.WriteString(c, head)
				close(asked)
			}
			_, _ = io.Copy(io.Discard, in)
			close(gone)
		})
		u, p := upstreamTo(t, s.url, "")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-asked
			cancel(why)
		}()
		if _, _, err := given(ctx, u, "GET", "/"); !errors.Is(err, why) {
			t.Errorf("after %q: %v", head, err)
		}
		<-gone
		if len(p.lines.idle) != 0 {
			t.Error("the line rests")
		}
	}
}

// A head without end is an error, and a body that breaks off is one.
func TestLineWithBrokenAnswer(t *testing.T) {
	for name, answer := range map[string]string{
		"endless head": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHeader+1),
		"no HTTP":      "hello\r\n\r\n",
		"cut":          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
		"nothing":      "",
	} {
		s := newScripted(t, nil, func(_ int, c net.Conn, in *bufio.Reader) {
			if _, err := http.ReadRequest(in); err == nil {
				_, _ = io.WriteString(c, answer)
			}
		})
		u, p := upstreamTo(t, s.url, "")
		if body, _, err := given(t.Context(), u, "GET", "/"); err == nil {
			t.Errorf("%s: %q", name, body)
		}
		if len(p.lines.idle) != 0 || s.conns.Load() != 1 {
			t.Errorf("%s: %d lines rest, %d connections", name, len(p.lines.idle), s.conns.Load())
		}
	}
}
