//go:build !darwin && !windows

package mpris

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// maxDepth bounds the way up from a process to its ancestors.
const maxDepth = 16

// inFamily reports whether a process is an ancestor's, or is it: a player is often started
// by a script, and in a sandbox a proxy speaks for it. Only /proc tells ancestors.
func inFamily(pid, ancestor int) bool {
	for range maxDepth {
		if pid == ancestor {
			return true
		}
		if pid <= 1 {
			return false
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		// A name may hold anything; after it come the state and the parent.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 2 {
			return false
		}
		if pid, err = strconv.Atoi(string(fields[1])); err != nil {
			return false
		}
	}
	return false
}
