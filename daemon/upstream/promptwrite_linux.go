package upstream

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// newTaker returns nil for a connection that is none of the kernel's.
func newTaker(conn net.Conn) taker {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	t := &kernelTaker{raw: raw}
	t.call = t.write
	return t
}

// kernelTaker writes to a socket. Only one call runs at a time.
type kernelTaker struct {
	raw    syscall.RawConn
	call   func(fd uintptr) bool
	b      []byte
	look   bool
	n      int
	unsent bool
}

func (t *kernelTaker) take(b []byte, look bool) (int, bool) {
	t.b, t.look, t.n, t.unsent = b, look, 0, true
	err := t.raw.Write(t.call)
	t.b = nil
	if err != nil {
		return 0, true // the connection's own Write says why
	}
	return t.n, t.unsent
}

func (t *kernelTaker) write(fd uintptr) bool {
	if n, err := syscall.Write(int(fd), t.b); err == nil && n > 0 {
		t.n, t.unsent = n, false
		if t.look {
			waiting, err := unix.IoctlGetInt(int(fd), siocOutqNsd)
			t.unsent = err != nil || waiting > 0
		}
	}
	return true // never wait
}

// siocOutqNsd asks for the number of bytes that were never sent (linux/sockios.h).
const siocOutqNsd = 0x894B
