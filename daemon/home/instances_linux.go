package home

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// runningDaemons lists the daemons of every user on this machine, but not this process.
// A command line tells them, which everybody may read unless /proc hides it.
func runningDaemons() (found []otherDaemon, seen bool) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(dirs) == 0 {
		return nil, false
	}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !isDaemon(strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")) {
			continue
		}
		d := otherDaemon{pid: pid, uid: -1}
		if info, err := os.Stat(dir); err == nil {
			if s, ok := info.Sys().(*syscall.Stat_t); ok {
				d.uid = int(s.Uid)
			}
		}
		found = append(found, d)
	}
	return found, true
}

// isDaemon reports whether a command line is that of a daemon. Its children and other
// commands have the same name.
func isDaemon(args []string) bool {
	if len(args) == 0 || filepath.Base(args[0]) != "shelfkeeper" {
		return false
	}
	return len(args) == 1 || slices.Contains(args[1:], "run")
}
