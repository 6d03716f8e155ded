package control

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/problem"
)

// Whoever has connected when the daemon begins to end is answered, also one whose
// connection is not accepted yet.
func TestCloseAnswersWhoHasConnected(t *testing.T) {
	path := socketPath(t)
	s, _ := mustListen(t, path)
	closed := make(chan error, 1)
	var first sync.Once
	peerOf := s.peerOf
	s.peerOf = func(c net.Conn) peer { // between the connection's acceptance and its request
		first.Do(func() {
			go func() { closed <- s.Close() }()
			look := time.NewTicker(time.Millisecond)
			defer look.Stop()
			for _, err := os.Lstat(path); err == nil; _, err = os.Lstat(path) {
				<-look.C
			}
		})
		return peerOf(c)
	}
	var conns []net.Conn
	for range 4 {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /v1/ping HTTP/1.1\r\nHost: "+hostName+"\r\n"+versionHeader+": 1\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	run(t, s, newDouble())
	for n, c := range conns {
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("connection %d was dropped: %v", n, err)
			continue
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusOK {
			t.Errorf("connection %d: %s", n, resp.Status)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// A daemon that is killed before it answers is said to have ended. What only reads is
// asked once more, since another daemon may be there.
func TestDaemonEndsBeforeItAnswers(t *testing.T) {
	for _, c := range []struct {
		desc  string
		dies  int // so many times
		reset bool
		ask   func(*Client) error
		calls int
		ok    bool
	}{
		{"asks, once", 1, false, func(c *Client) error { return c.Ping(t.Context()) }, 2, true},
		{"asks, reset once", 1, true, func(c *Client) error { _, err := c.Snapshot(t.Context()); return err }, 2, true},
		{"asks, always", 9, false, func(c *Client) error { return c.Ping(t.Context()) }, 2, false},
		{"acts", 9, false, func(c *Client) error { return c.Quit(t.Context()) }, 1, false},
		{"acts, reset", 9, true, func(c *Client) error { return c.Reauthenticate(t.Context(), "home") }, 1, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			path := socketPath(t)
			l, _, err := bind(path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			calls := make(chan int, 1)
			calls <- 0
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					n := <-calls + 1
					calls <- n
					if !c.reset || n > c.dies { // what is closed unread is reset
						_, _ = http.ReadRequest(bufio.NewReader(conn))
					}
					if n > c.dies {
						_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n"+versionHeader+": 1\r\n\r\n{}")
					}
					_ = conn.Close()
				}
			}()
			err = c.ask(Dial(path))
			if c.ok && err != nil || !c.ok && (!errors.Is(err, ErrEarlyEnd) || problem.Of(err).Remedy == "") {
				t.Errorf("%v", err)
			}
			if n := <-calls; n != c.calls {
				t.Errorf("asked %d times", n)
			}
		})
	}
}
