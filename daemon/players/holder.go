package players

import (
	"fmt"
	"net"
	"net/netip"
)

// Holder is the program that listens on a port.
type Holder struct {
	PID     int    // 0 when the system does not report it, as for another user's
	Program string // its name without the path, or ""
	UID     int
}

// String names the holder for the user: `mpd (process 812)`.
func (h Holder) String() string {
	if h.PID == 0 {
		return fmt.Sprintf("a program of user %d", h.UID)
	}
	return fmt.Sprintf("%s (process %d)", h.Program, h.PID)
}

// HolderOf returns the program that occupies addr, as far as the system reports it.
// It works on Linux only.
func HolderOf(addr netip.AddrPort) (Holder, bool) { return holderOf(plain(addr)) }

// ProgramOf returns the program at the far end of a TCP connection on this machine,
// as far as the system reports it. It reads the open files of every process, so call
// it rarely. It works on Linux only.
func ProgramOf(conn net.Conn) (Holder, bool) {
	far, ok := addrPort(conn.RemoteAddr())
	if !ok {
		return Holder{}, false
	}
	near, ok := addrPort(conn.LocalAddr())
	if !ok {
		return Holder{}, false
	}
	return programOf(far, near)
}
