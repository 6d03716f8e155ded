package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"shelfkeeper/daemon/problem"
)

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

// Each way in which net/http tells that the other side has closed.
func TestCut(t *testing.T) {
	for err, want := range map[error]bool{
		io.EOF: true, io.ErrUnexpectedEOF: true,
		errors.New("http: server closed idle connection"): true, // unexported there
		ErrNoDaemon: false, context.DeadlineExceeded: false,
	} {
		if got := cut(fmt.Errorf("ask: %w", err)); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
