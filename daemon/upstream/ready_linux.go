package upstream

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// canWatchReady: the end of a connection on which nobody reads can be noticed.
const canWatchReady = true

// waitClosed waits until the other side has closed a connection, and reports true then.
// It reads nothing of what came. A read deadline ends the wait with false.
func waitClosed(t *tracked) bool {
	raw, err := t.raw()
	if err != nil {
		return false
	}
	return raw.Read(func(fd uintptr) bool { return !isEstablished(int(fd)) }) == nil
}

// established reports whether neither side has closed the connection.
func established(t *tracked) (open bool) {
	raw, err := t.raw()
	if err != nil {
		return false
	}
	err = raw.Control(func(fd uintptr) { open = isEstablished(int(fd)) })
	return open && err == nil
}

// tcpEstablished is TCP_ESTABLISHED of the kernel's tcp_states.h.
const tcpEstablished = 1

func isEstablished(fd int) bool {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.State == tcpEstablished
}

// stillness looks whether something has come over a connection. Each request asks, so it
// is made once a connection.
type stillness struct {
	raw   syscall.RawConn
	look  func(fd uintptr)
	quiet bool
}

func newStillness(t *tracked) *stillness {
	raw, err := t.raw()
	if err != nil {
		return nil
	}
	s := &stillness{raw: raw}
	s.look = func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		s.quiet = err == syscall.EAGAIN
	}
	return s
}

// nothingCame reports whether the connection is open, and holds no byte that was not read.
func (s *stillness) nothingCame() bool {
	if s == nil {
		return false
	}
	s.quiet = false
	return s.raw.Control(s.look) == nil && s.quiet
}
