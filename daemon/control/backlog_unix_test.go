//go:build unix

package control

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// Whoever has connected when the daemon begins to end is answered, also one whose
// connection is not accepted yet. A pipe of Windows has no such backlog.
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
