package upstream

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel is told how long silence may last, on every kind of connection.
func TestDialerLimitsSilence(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	u := open(t, Policy{Base: address(t, server.URL), ProxyURL: "direct"})
	for desc, dial := range map[string]dialFunc{
		"pool": u.network.DialContext, "websocket": u.WebsocketDialer().NetDialContext, "private": u.Private().dialOnce,
	} {
		conn, err := dial(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		raw, err := conn.(*tracked).Conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Control(func(fd uintptr) {
			for name, want := range map[string][3]int{
				"TCP_USER_TIMEOUT": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 25_000},
				"SO_KEEPALIVE":     {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
				"TCP_KEEPIDLE":     {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15},
				"TCP_KEEPINTVL":    {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 1},
				"TCP_KEEPCNT":      {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 10},
			} {
				if got, err := unix.GetsockoptInt(int(fd), want[0], want[1]); err != nil || got != want[2] {
					t.Errorf("%s: %s is %d, %v", desc, name, got, err)
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	}
}

// A connection that rests outlives lost keepalive probes. Its first silence is made
// shorter here, and nothing else.
func TestLostProbesEndNothing(t *testing.T) {
	t.Parallel()
	const first = time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	u := open(t, Policy{Base: address(t, "http://"+l.Addr().String()), ProxyURL: "direct"})
	near, err := u.network.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	raw, err := near.(*tracked).raw()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = errors.Join(
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(first/time.Second)),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int((unackedTimeout-keepAliveIdle+first).Milliseconds())))
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	swallow(t, far) // what the kernel asks gets lost
	silence := time.NewTimer(4500 * time.Millisecond)
	defer silence.Stop()
	ended := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(near, make([]byte, 1))
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Fatalf("it ended while the line lost three or four probes: %v", err)
	case <-silence.C:
	}
	farRaw, err := far.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = farRaw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Connections from an address that is gone are cut, and no others.
func TestCloseFrom(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	from := func(local string) dialFunc {
		return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}}).DialContext
	}
	u := open(t, Policy{Base: address(t, "http://"+l.Addr().String()), ProxyURL: "direct", Dial: from("127.0.0.2")})
	lost, err := u.network.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	u.network.dial = from("127.0.0.3")
	kept, err := u.network.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if n := u.CloseFrom([]netip.Addr{netip.MustParseAddr("10.0.0.1")}); n != 0 {
		t.Errorf("%d cut for an address that none has", n)
	}
	if n := u.CloseFrom([]netip.Addr{netip.MustParseAddr("127.0.0.2")}); n != 1 {
		t.Errorf("%d cut", n)
	}
	if _, err := lost.Write([]byte("x")); err == nil {
		t.Error("the forsaken one goes on")
	}
	if _, err := kept.Write([]byte("x")); err != nil {
		t.Errorf("the other one: %v", err)
	}
}
