package players

import (
	"encoding/binary"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

var procGetExtendedTCPTable = windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")

// tcpTableOwnerPIDAll lists every socket with the id of its process
// (iprtrmib.h: TCP_TABLE_OWNER_PID_ALL).
const tcpTableOwnerPIDAll = 5

// tableGrowth is how often the table is requested again after it grew.
const tableGrowth = 5

// ownerOf distinguishes our own user from others. Our own user has the id that
// os.Getuid returns here.
func ownerOf(local, remote netip.AddrPort) Peer {
	until := time.Now().Add(tableWait)
	pid, ok := pidOf(local, remote, until)
	if !ok {
		return Peer{}
	}
	if pid == os.Getpid() {
		return Peer{UID: os.Getuid(), Known: true}
	}
	mine, err := sidOf(windows.CurrentProcess())
	if err != nil {
		return Peer{}
	}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return Peer{} // mostly another user's, but that is not certain
	}
	defer func() { _ = windows.CloseHandle(process) }()
	theirs, err := sidOf(process)
	if err != nil {
		return Peer{}
	}
	// A process that ended meanwhile may have left its id to another one.
	if again, ok := pidOf(local, remote, until); !ok || again != pid {
		return Peer{}
	}
	if !theirs.Equals(mine) {
		return Peer{UID: otherUser, Known: true}
	}
	return Peer{UID: os.Getuid(), Known: true}
}

// otherUser stands for every foreign user; os.Getuid is -1 on Windows.
const otherUser = -2

func sidOf(process windows.Handle) (*windows.SID, error) {
	var token windows.Token
	if err := windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token); err != nil {
		return nil, err
	}
	defer func() { _ = token.Close() }()
	user, err := token.GetTokenUser()
	if err != nil {
		return nil, err
	}
	return user.User.Sid.Copy()
}

// pids reads the tables for all connections that wait.
var pids = newTableReader(readPIDs)

// pidOf returns the process of the socket from local to remote.
func pidOf(local, remote netip.AddrPort, until time.Time) (int, bool) {
	return pids.find(local, remote, until)
}

// readPIDs reads the tables until all are found. The second one lists programs that
// connect to 127.0.0.1 through an IPv6 socket.
func readPIDs(all []*question) {
	open := unanswered(all)
	for _, v6 := range []bool{false, true} {
		table, err := tcpTable(v6)
		if err != nil {
			continue // no IPv6
		}
		processes(table, v6, func(socket pair, pid int) bool {
			answer(open, socket, pid)
			return len(open) > 0
		})
		if len(open) == 0 {
			return
		}
	}
}

// tableSizes are what the last tables of IPv4 and IPv6 took, and room for more
// connections: asking again for one that has grown takes as long as the first time.
var tableSizes [2]atomic.Uint32

func tcpTable(v6 bool) ([]byte, error) {
	family, row, last := uintptr(windows.AF_INET), rowSize4, &tableSizes[0]
	if v6 {
		family, row, last = windows.AF_INET6, rowSize6, &tableSizes[1]
	}
	size := max(16<<10, last.Load())
	var status uintptr
	for range tableGrowth {
		table := make([]byte, size)
		status, _, _ = procGetExtendedTCPTable.Call(uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&size)), 0, family,
			tcpTableOwnerPIDAll, 0)
		if status == 0 {
			used := 4 + uint32(row)*binary.LittleEndian.Uint32(table)
			last.Store(used + used/4)
			return table, nil
		}
		if windows.Errno(status) != windows.ERROR_INSUFFICIENT_BUFFER {
			break
		}
		size += size / 4
	}
	return nil, windows.Errno(status)
}
