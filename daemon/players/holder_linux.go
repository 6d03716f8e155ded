package players

import (
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func holderOf(addr netip.AddrPort) (Holder, bool) {
	for _, path := range tables {
		table, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if s, ok := listener(table, addr); ok {
			return holderOfInode(s), true
		}
	}
	return Holder{}, false
}

// holderOfInode searches the open files of every process that this user may read.
func holderOfInode(s socket) Holder {
	h := Holder{UID: s.uid}
	want := "socket:[" + strconv.FormatUint(s.inode, 10) + "]"
	dirs, err := filepath.Glob("/proc/[0-9]*/fd")
	if err != nil {
		return h
	}
	for _, dir := range dirs {
		files, err := os.ReadDir(dir)
		if err != nil {
			continue // gone, or another user's
		}
		for _, f := range files {
			target, err := os.Readlink(filepath.Join(dir, f.Name()))
			if err != nil || target != want {
				continue
			}
			proc := filepath.Dir(dir)
			pid, err := strconv.Atoi(filepath.Base(proc))
			if err != nil {
				continue
			}
			h.PID, h.Program = pid, "a program"
			if name, err := os.ReadFile(filepath.Join(proc, "comm")); err == nil {
				h.Program = strings.TrimSpace(string(name))
			}
			return h
		}
	}
	return h
}
