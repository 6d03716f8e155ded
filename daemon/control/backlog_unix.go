//go:build !windows

package control

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// backlogWait bounds the wait for connections that are not accepted yet, and
	// backlogLook is how often it is looked for them.
	backlogWait = 200 * time.Millisecond
	backlogLook = time.Millisecond
)

// acceptAll waits until every connection has been accepted that was made before the
// socket lost its name. The kernel resets those that wait when their listener is closed.
func acceptAll(l net.Listener) {
	c, ok := l.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	over := time.NewTimer(backlogWait)
	defer over.Stop()
	look := time.NewTicker(backlogLook)
	defer look.Stop()
	for connectionsWait(raw) {
		select {
		case <-look.C:
		case <-over.C:
			return
		}
	}
}

// connectionsWait reports whether a listener has connections that are not accepted yet.
func connectionsWait(raw syscall.RawConn) (wait bool) {
	err := raw.Control(func(fd uintptr) {
		n, failed := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		wait = n > 0 && failed == nil
	})
	return wait && err == nil // it is closed already
}
