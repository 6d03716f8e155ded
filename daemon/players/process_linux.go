package players

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
)

func processOf(local, remote netip.AddrPort) (Process, bool) {
	s, ok := socketOf(local, remote)
	if !ok {
		return Process{}, false
	}
	h := holderOfInode(s)
	start, ok := startOf(h.PID)
	return Process{h.PID, start}, ok && h.PID != 0
}

func heldBy(local, remote netip.AddrPort, some []Process) (Process, bool) {
	s, ok := socketOf(local, remote)
	if !ok {
		return Process{}, false
	}
	for _, p := range some {
		if !holdsInode(p.PID, s.inode) {
			continue
		}
		if start, ok := startOf(p.PID); ok && start == p.Start {
			return p, true
		}
	}
	return Process{}, false
}

// socketOf returns the row of the socket from local to remote.
func socketOf(local, remote netip.AddrPort) (found socket, ok bool) {
	for _, path := range tables {
		readTable(path, func(s socket) bool {
			if s.local == local && s.remote == remote && s.connects() {
				found, ok = s, true
			}
			return !ok
		})
		if ok {
			break
		}
	}
	return found, ok
}

func holdsInode(pid int, inode uint64) bool {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	files, err := os.ReadDir(dir)
	if err != nil {
		return false // gone, or another user's
	}
	want := "socket:[" + strconv.FormatUint(inode, 10) + "]"
	for _, f := range files {
		if target, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && target == want {
			return true
		}
	}
	return false
}

// startOf returns when a process was started, in ticks since the machine was: the field
// after its name and 19 others (Linux: Documentation/filesystems/proc.rst). One that has
// ended, and whose parent has not asked how, is none.
func startOf(pid int) (uint64, bool) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // a name may hold anything
	if len(fields) < 20 || fields[0][0] == 'Z' || fields[0][0] == 'X' {
		return 0, false
	}
	start, err := strconv.ParseUint(string(fields[19]), 10, 64)
	return start, err == nil
}
