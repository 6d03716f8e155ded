package upstream

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// twoEnds returns a connection of a network and its far end.
func twoEnds(t *testing.T) (*tracked, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := newNetwork((&net.Dialer{}).DialContext)
	t.Cleanup(n.Close)
	near, err := n.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Close() })
	return near.(*tracked), far
}

func (w *promptWrites) isArmed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.armed
}

// What the kernel takes at once arms neither a deadline nor the look at the window.
func TestPromptWriteArmsNothing(t *testing.T) {
	near, far := twoEnds(t)
	if err := near.SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n, err := near.Write([]byte("pong")); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(far, got); err != nil || string(got) != "pong" {
		t.Fatalf("%q, %v", got, err)
	}
	if near.writes.isArmed() || near.window.armed.Load() {
		t.Errorf("armed: deadline %v, window %v", near.writes.isArmed(), near.window.armed.Load())
	}
}

// A write that has to wait ends with its deadline, with one that is set meanwhile, and
// not with one that was set before and is gone. No byte is lost or sent twice.
func TestWriteThatWaitsHasADeadline(t *testing.T) {
	near, far := twoEnds(t)
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // more than two sockets hold
	if err := near.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	sent, err := near.Write(body)
	if !errors.Is(err, os.ErrDeadlineExceeded) || sent == 0 || sent == len(body) {
		t.Fatal(sent, err)
	}
	if n, err := near.Write(body[sent:]); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("after its deadline:", n, err)
	}
	if err := near.SetDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	go func() {
		n, err := near.Write(body[sent:])
		sent += n
		waits <- err
	}()
	waitUntil(t, "the write waits", func() bool {
		near.writes.mu.Lock()
		defer near.writes.mu.Unlock()
		return near.writes.waiting == 1
	})
	if err := near.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := <-waits; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	if err := near.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := near.Write(body[sent:])
		waits <- errors.Join(err, near.Close())
	}()
	got, err := io.ReadAll(far)
	if err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(body), err)
	}
	if err := <-waits; err != nil {
		t.Fatal(err)
	}
	if n, err := near.Write([]byte("x")); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Fatal("after its end:", n, err)
	}
}
