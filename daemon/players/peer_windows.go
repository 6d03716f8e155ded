package players

import (
	"net/netip"
	"os"
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
	pid, ok := pidOf(local, remote)
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
	if again, ok := pidOf(local, remote); !ok || again != pid {
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
func pidOf(local, remote netip.AddrPort) (int, bool) { return pids.find(local, remote) }

// readPIDs reads both tables. The second one lists programs that connect to 127.0.0.1
// through an IPv6 socket.
func readPIDs(all []*question) {
	open := unanswered(all)
	for _, v6 := range []bool{false, true} {
		family := uintptr(windows.AF_INET)
		if v6 {
			family = windows.AF_INET6
		}
		table, err := tcpTable(family)
		if err != nil {
			continue // no IPv6
		}
		processes(table, v6, func(socket pair, pid int) bool {
			answer(open, socket, pid)
			return len(open) > 0
		})
	}
}

func tcpTable(family uintptr) ([]byte, error) {
	size := uint32(16 << 10)
	var status uintptr
	for range tableGrowth {
		table := make([]byte, size)
		status, _, _ = procGetExtendedTCPTable.Call(uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&size)), 0, family,
			tcpTableOwnerPIDAll, 0)
		if status == 0 {
			return table, nil
		}
		if windows.Errno(status) != windows.ERROR_INSUFFICIENT_BUFFER {
			break
		}
		size += size / 4
	}
	return nil, windows.Errno(status)
}
