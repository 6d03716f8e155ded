package upstream

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// swallow makes a connection's kernel drop everything that comes, as a router does that
// has forgotten the connection.
func swallow(t *testing.T, nc net.Conn) {
	t.Helper()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}

// A connection of which nothing comes any more, and whose other side does not answer the
// kernel, ends within five seconds where another one can be made. One whose server is
// only slow stays, and so does all where nothing can be reached.
func TestExamine(t *testing.T) {
	for _, c := range []struct {
		desc            string
		swallowed, free bool
		ends            bool
	}{
		{"a blackhole", true, true, true},
		{"a slow server", false, true, false},
		{"no way at all", true, false, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var accepted net.Conn
			over := make(chan struct{})
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "first")
				_ = http.NewResponseController(w).Flush()
				<-over
			}))
			s.Config.ConnState = func(nc net.Conn, state http.ConnState) {
				mu.Lock()
				defer mu.Unlock()
				if state == http.StateNew && accepted == nil {
					accepted = nc
				}
			}
			s.Start()
			defer s.Close()
			defer close(over)
			u := open(t, Policy{Base: address(t, s.URL), ProxyURL: "direct"})
			r, err := http.NewRequest("GET", s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := u.Transport().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			if c.swallowed {
				mu.Lock()
				swallow(t, accepted)
				mu.Unlock()
			}
			if !c.free {
				_ = s.Listener.Close()
			}
			began := time.Now()
			broken := make(chan error, 1)
			go func() {
				_, err := resp.Body.Read(make([]byte, 1))
				broken <- err
			}()
			asking := time.NewTicker(time.Second)
			defer asking.Stop()
			wait := 6 * time.Second
			if c.ends {
				wait = 30 * time.Second // for a busy machine
			}
			end := time.NewTimer(wait)
			defer end.Stop()
			for waiting := true; waiting; {
				select {
				case err := <-broken:
					t.Logf("ended after %v", time.Since(began)) // less than 5 s where the machine is free
					if !c.ends || err == nil || time.Since(began) < deadAfter {
						t.Errorf("ended after %v: %v", time.Since(began), err)
					}
					return
				case <-asking.C:
					u.Examine()
				case <-end.C:
					waiting = false
				}
			}
			if c.ends {
				t.Error("it did not end")
			}
			u.Close()
			<-broken
		})
	}
}

// A connection that has rested for long is alive, although it was silent for longer than
// a dead one may be.
func TestExamineSparesWhatRests(t *testing.T) {
	u, pool, _, _, _ := startReady(t, false)
	kept := func() *readyConn {
		pool.ready.mu.Lock()
		defer pool.ready.mu.Unlock()
		if len(pool.ready.list) == 0 {
			return nil
		}
		return pool.ready.list[0]
	}
	one := kept()
	becomes(t, "it is not silent", func() bool { s, ok := kernelOf(one.below).Signs(); return ok && s.Silent > deadAfter+time.Second })
	for range 3 {
		u.Examine()
		u.examination.group.Wait()
	}
	if kept() != one || !established(one.below) {
		t.Error("it was closed")
	}
}

// What a router forgot it forgot at one time. A connection on which something came later
// than on another one, as on a live socket beside a stream, ends in the same examination.
func TestExamineEndsAllThatIsDead(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	u := open(t, Policy{Base: address(t, "http://"+l.Addr().String()), ProxyURL: "direct"})
	var near, far [2]net.Conn
	for i := range near {
		if near[i], err = u.network.DialContext(t.Context(), "tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		if far[i], err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		defer far[i].Close()
	}
	silence := func(c net.Conn) time.Duration {
		s, _ := kernelOf(c.(*tracked)).Signs()
		return s.Silent
	}
	swallow(t, far[0])
	becomes(t, "the first one is silent", func() bool { return silence(near[0]) > suspectAfter })
	if _, err := far[1].Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := near[1].Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	swallow(t, far[1])
	u.Examine()
	u.examination.group.Wait()
	for i, c := range near {
		if !c.(*tracked).closed.Load() {
			t.Errorf("connection %d goes on", i)
		}
	}
}
