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

// processIn returns the process of the socket from local to remote. It ignores
// truncated rows, and sockets without a process, whose process id is 0.
func processIn(table []byte, v6 bool, local, remote netip.AddrPort) (int, bool) {
	if len(table) < 4 {
		return 0, false
	}
	count, rows := binary.LittleEndian.Uint32(table), table[4:]
	size := rowSize4
	if v6 {
		size = rowSize6
	}
	for range count {
		if len(rows) < size {
			return 0, false
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
		if from == local && to == remote && state != mibListen && pid != 0 {
			return int(pid), true
		}
	}
	return 0, false
}

// rowAddr reads an address and a port in network order. Only the first two bytes of
// the port count.
func rowAddr(addr, port []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(addr)
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(port))
}
