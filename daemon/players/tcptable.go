package players

import (
	"encoding/binary"
	"net/netip"
)

// The tables of Windows' GetExtendedTcpTable: a count and rows. This file has no
// build tag, so that its tests run on every system; only Windows uses it.
const (
	// Offsets in a row of MIB_TCPTABLE_OWNER_PID (tcpmib.h): state, local
	// address and port, remote address and port, process.
	rowSize4 = 24
	// Of MIB_TCP6TABLE_OWNER_PID: local address, scope and port, remote
	// address, scope and port, state, process.
	rowSize6 = 56

	// mibListen is the state of a socket that has no far end (MIB_TCP_STATE_LISTEN).
	mibListen = 2
)

// processIn returns the process of the socket from local to remote.
func processIn(table []byte, v6 bool, local, remote netip.AddrPort) (process int, ok bool) {
	processes(table, v6, func(socket pair, pid int) bool {
		if socket == (pair{local, remote}) {
			process, ok = pid, true
		}
		return !ok
	})
	return process, ok
}

// processes calls yield for each connection of table and its process until it returns
// false. It ignores truncated rows, and sockets without a process, whose process id is 0.
func processes(table []byte, v6 bool, yield func(socket pair, pid int) bool) {
	if len(table) < 4 {
		return
	}
	count, rows := binary.LittleEndian.Uint32(table), table[4:]
	size := rowSize4
	if v6 {
		size = rowSize6
	}
	for range count {
		if len(rows) < size {
			return
		}
		row := rows[:size]
		rows = rows[size:]
		var from, to netip.AddrPort
		var state, pid uint32
		if v6 {
			from, to = rowAddr(row[0:16], row[20:24]), rowAddr(row[24:40], row[44:48])
			state, pid = binary.LittleEndian.Uint32(row[48:]), binary.LittleEndian.Uint32(row[52:])
		} else {
			state, pid = binary.LittleEndian.Uint32(row), binary.LittleEndian.Uint32(row[20:])
			from, to = rowAddr(row[4:8], row[8:12]), rowAddr(row[12:16], row[16:20])
		}
		if state != mibListen && pid != 0 && !yield(pair{from, to}, int(pid)) {
			return
		}
	}
}

// rowAddr reads an address and a port in network order. Only the first two bytes of
// the port count.
func rowAddr(addr, port []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(addr)
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(port))
}
