package upstream

import (
	"net"
	"sync"
	"time"
)

// promptWrites are the writes of a connection that the kernel takes at once, which are
// nearly all. They arm no timer: a timer of the runtime wakes the process at its time
// even when it was stopped, and an idle live socket wrote one frame with a deadline for
// each heartbeat.
type promptWrites struct {
	conn  net.Conn
	taker taker // nil: each write waits, and each deadline is armed at once

	mu      sync.Mutex
	until   time.Time // the deadline for writes
	armed   bool      // conn knows it
	waiting int       // writes that wait for the kernel
	unseen  int       // bytes that were given to the kernel since it was asked whether it sent them
}

// freeUnseen is how many bytes the kernel takes before it is asked whether it could send
// them, while the other side answers. Asking is one more system call for each request,
// and the smallest window of a program that reads holds several times as much.
const freeUnseen = 8 << 10

// taker gives bytes to the kernel.
type taker interface {
	// take returns how many bytes the kernel took without waiting, and with look whether
	// it has bytes that it could not send yet.
	take(b []byte, look bool) (n int, unsent bool)
}

func newPromptWrites(conn net.Conn) *promptWrites {
	return &promptWrites{conn: conn, taker: newTaker(conn)}
}

// now gives as much of b to the kernel as it takes at once. unsent reports whether it
// has bytes that it could not send yet. answered: the other side has said something since
// the write before, so it reads.
func (w *promptWrites) now(b []byte, answered bool) (n int, unsent bool) {
	if w.taker == nil {
		return 0, true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed || w.waiting > 0 || !w.until.IsZero() && !time.Now().Before(w.until) {
		return 0, true
	}
	if w.unseen += len(b); !answered || w.unseen > freeUnseen {
		w.unseen = 0
	}
	n, unsent = w.taker.take(b, w.unseen == 0)
	return n, unsent || n < len(b)
}

// wait gives b to the connection itself, with the deadline.
func (w *promptWrites) wait(b []byte) (int, error) {
	w.mu.Lock()
	w.waiting++
	if !w.armed && !w.until.IsZero() {
		w.armed = true
		_ = w.conn.SetWriteDeadline(w.until) // of a closed connection; Write says so
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.waiting--
	}()
	return w.conn.Write(b)
}

// deadline sets the deadline for writes. A write that waits hears of it at once.
func (w *promptWrites) deadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = t
	if w.taker == nil || w.waiting > 0 || !t.IsZero() && !time.Now().Before(t) {
		w.armed = !t.IsZero()
		return w.conn.SetWriteDeadline(t)
	}
	if w.armed {
		w.armed = false
		return w.conn.SetWriteDeadline(time.Time{})
	}
	return nil
}
