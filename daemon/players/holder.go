package players

import (
	"fmt"
	"net/netip"
)

// Holder is the program that listens on a port.
type Holder struct {
	PID     int    // 0 when it is another user's and the system does not tell
	Program string // its name, not its path; "" likewise
	UID     int
}

// String names the holder for a person: `mpd (process 812)`.
func (h Holder) String() string {
	if h.PID == 0 {
		return fmt.Sprintf("a program of user %d", h.UID)
	}
	return fmt.Sprintf("%s (process %d)", h.Program, h.PID)
}

// HolderOf returns the program that keeps addr from being listened on, as far
// as the system tells; on others than Linux it does not.
func HolderOf(addr netip.AddrPort) (Holder, bool) { return holderOf(plain(addr)) }
