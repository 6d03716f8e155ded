package players

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/windows"
)

func processOf(local, remote netip.AddrPort) (Process, bool) {
	until := time.Now().Add(tableWait)
	pid, ok := pidOf(local, remote, until)
	if !ok {
		return Process{}, false
	}
	start, ok := startOf(pid)
	// A process that ended meanwhile may have left its id to another one.
	again, is := pidOf(local, remote, until)
	return Process{pid, start}, ok && is && again == pid
}

func heldBy(local, remote netip.AddrPort, some []Process) (Process, bool) {
	p, ok := processOf(local, remote)
	return p, ok && slices.Contains(some, p)
}

// startOf returns when a process was started.
func startOf(pid int) (uint64, bool) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return 0, false
	}
	defer func() { _ = windows.CloseHandle(process) }()
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(process, &created, &exited, &kernel, &user) != nil {
		return 0, false
	}
	return uint64(created.HighDateTime)<<32 | uint64(created.LowDateTime), true
}
