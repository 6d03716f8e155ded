//go:build !windows

package control

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// exposed returns the reason why others can reach a directory, or "".
func exposed(info fs.FileInfo) string {
	if !ours(info) {
		return fmt.Sprintf("it does not belong to user %d", os.Geteuid())
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Sprintf("its mode is %04o", perm)
	}
	return ""
}

// ours reports whether a file belongs to the user we run as.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// closeToOthers sets the mode of the socket. Until then the socket has the mode of
// the umask, but others cannot enter its directory.
func closeToOthers(path string) error { return os.Chmod(path, 0o600) }
