package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A server that does not read for long keeps its connection, and the timeout holds
// again afterwards: as soon as bytes flow a dead server is found as before.
func TestZeroWindowKeepsTheConnection(t *testing.T) {
	const timeout = time.Second // in place of unackedTimeout
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			err := errors.Join(
				unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(timeout.Milliseconds())),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 64<<10),
			)
			if err != nil {
				t.Error(err)
			}
		})
	}}
	n := newNetwork(d.DialContext)
	n.unacked = timeout
	defer n.Close()
	near, err := n.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	body := bytes.Repeat([]byte("upload "), 2<<20)
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(near, bytes.NewReader(body))
		sent <- errors.Join(err, near.(*tracked).Conn.(*net.TCPConn).CloseWrite())
	}()
	// Without a reader the window closes, and stays closed for several timeouts.
	window := near.(*tracked).window
	waitUntil(t, "the window is closed", func() bool {
		unsent, unconfirmed, err := sendQueue(window.raw)
		return err == nil && unsent && !unconfirmed
	})
	closed := time.Now()
	waitUntil(t, "four timeouts", func() bool {
		select {
		case err := <-sent:
			t.Fatalf("the connection ended after %v: %v", time.Since(closed), err)
		default:
		}
		return time.Since(closed) > 4*timeout
	})
	got, err := io.ReadAll(far)
	if err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the timeout holds again", func() bool {
		var ms int
		if err := window.raw.Control(func(fd uintptr) {
			ms, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP,
				unix.TCP_USER_TIMEOUT)
		}); err != nil {
			t.Fatal(err)
		}
		return ms == int(timeout.Milliseconds())
	})
}

// waitUntil asks again and again until ok holds.
func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Second, os.ErrDeadlineExceeded)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, context.Cause(ctx))
		}
	}
}
