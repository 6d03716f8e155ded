package players

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
)

// listening is the state of a socket that has no far end yet
// (Linux: include/net/tcp_states.h).
const listening = 0x0A

// socket is a row of /proc/net/tcp or /proc/net/tcp6.
type socket struct {
	local, remote netip.AddrPort // IPv4-mapped addresses as IPv4
	state         uint8
	uid           int
	inode         uint64 // 0 when no process holds the socket any more
}

// parseSocket reads one row. It reports false for the heading and malformed rows.
func parseSocket(line []byte) (socket, bool) {
	// sl local rem st tx:rx tr:tm retrnsmt uid timeout inode …
	var field [10][]byte
	for i := range field {
		line = bytes.TrimLeft(line, " ")
		end := bytes.IndexByte(line, ' ')
		if end < 0 {
			end = len(line)
		}
		field[i], line = line[:end], line[end:]
	}
	var s socket
	var ok bool
	if s.local, ok = parseAddr(field[1]); !ok {
		return socket{}, false
	}
	if s.remote, ok = parseAddr(field[2]); !ok {
		return socket{}, false
	}
	state, err := strconv.ParseUint(string(field[3]), 16, 8)
	if err != nil {
		return socket{}, false
	}
	uid, err := strconv.ParseUint(string(field[7]), 10, 31)
	if err != nil {
		return socket{}, false
	}
	inode, err := strconv.ParseUint(string(field[9]), 10, 64)
	if err != nil {
		return socket{}, false
	}
	s.state, s.uid, s.inode = uint8(state), int(uid), inode
	return s, true
}

// parseAddr reads "0100007F:1F90": each 32 bits of the address are printed as
// a number in the machine's byte order, the port in the usual one.
func parseAddr(b []byte) (netip.AddrPort, bool) {
	host, port, ok := bytes.Cut(b, []byte(":"))
	if !ok || len(port) != 4 || len(host) != 8 && len(host) != 32 {
		return netip.AddrPort{}, false
	}
	var raw [16]byte
	n, err := hex.Decode(raw[:], host)
	if err != nil {
		return netip.AddrPort{}, false
	}
	for i := 0; i < n; i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	p, err := strconv.ParseUint(string(port), 16, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	addr, _ := netip.AddrFromSlice(raw[:n])
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), true
}

// sockets calls yield for each row of table until it returns false.
func sockets(table []byte, yield func(socket) bool) {
	for line := range bytes.Lines(table) {
		if s, ok := parseSocket(bytes.TrimRight(line, "\n")); ok && !yield(s) {
			return
		}
	}
}

// connects reports whether s is open or half closed and has a process. The kernel
// prints a socket without one with user 0 and inode 0 (Linux: net/ipv4/tcp_ipv4.c).
// Such rows are skipped, else its peer would count as root.
func (s socket) connects() bool { return s.state != listening && s.inode != 0 }

// connected returns the row of the socket from local to remote.
func connected(table []byte, local, remote netip.AddrPort) (found socket, ok bool) {
	sockets(table, func(s socket) bool {
		if s.local == local && s.remote == remote && s.connects() {
			found, ok = s, true
		}
		return !ok
	})
	return found, ok
}

// listener returns the row of the socket that occupies addr: at the same address, or
// at all addresses.
func listener(table []byte, addr netip.AddrPort) (found socket, ok bool) {
	sockets(table, func(s socket) bool {
		if s.state == listening && s.local.Port() == addr.Port() &&
			(s.local.Addr() == addr.Addr() || s.local.Addr().IsUnspecified() || addr.Addr().IsUnspecified()) {
			found, ok = s, true
		}
		return !ok
	})
	return found, ok
}
