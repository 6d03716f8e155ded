package upstream

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// zeroWindow keeps the kernel from ending a connection whose other end is alive and
// does not read. A server that is busy announces a receive window of zero and confirms
// the kernel's probes, but unackedTimeout counts that time too. While a connection has
// unsent bytes, zeroWindow looks at it from time to time: when all sent bytes are
// confirmed, it lifts the timeout, and sets it again when bytes flow.
type zeroWindow struct {
	raw     syscall.RawConn
	timeout time.Duration // unackedTimeout
	armed   atomic.Bool   // the timer runs

	mu     sync.Mutex
	timer  *time.Timer
	lifted bool
	closed bool
}

// watchZeroWindow returns nil where the system has no such timeout.
func watchZeroWindow(conn any, timeout time.Duration) *zeroWindow {
	c, ok := conn.(syscall.Conn)
	if !ok || !hasZeroWindow {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	z := &zeroWindow{raw: raw, timeout: timeout}
	z.timer = time.AfterFunc(time.Hour, z.check)
	z.timer.Stop()
	return z
}

// written says that bytes were given to the kernel.
func (z *zeroWindow) written() {
	if z != nil && z.armed.CompareAndSwap(false, true) {
		z.arm()
	}
}

// arm makes the next check due before the timeout is over.
func (z *zeroWindow) arm() {
	z.mu.Lock()
	defer z.mu.Unlock()
	if !z.closed {
		z.timer.Reset(z.timeout / 3)
	}
}

// check lifts the timeout or sets it again. It goes on while bytes wait.
func (z *zeroWindow) check() {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.closed {
		return
	}
	unsent, unconfirmed, err := sendQueue(z.raw)
	if zero := unsent && !unconfirmed; err == nil && zero != z.lifted {
		timeout := z.timeout
		if zero {
			timeout = 0 // none: the peer confirms probes, or the kernel gives up after 15 minutes
		}
		if setUserTimeout(z.raw, timeout) == nil {
			z.lifted = zero
		}
	}
	if err == nil && (unsent || unconfirmed) {
		z.timer.Reset(z.timeout / 3)
		return
	}
	z.armed.Store(false)
}

func (z *zeroWindow) close() {
	if z == nil {
		return
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.closed = true
	z.timer.Stop()
}
