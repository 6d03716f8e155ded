//go:build !windows

package durable

import (
	"os"
	"path/filepath"
	"syscall"
)

// isNoSpace counts a limit of the process as a full disk: the file cannot grow.
func isNoSpace(code syscall.Errno) bool {
	return code == syscall.ENOSPC || code == syscall.EDQUOT || code == syscall.EFBIG
}
func isReadOnly(code syscall.Errno) bool   { return code == syscall.EROFS }
func isNoLocks(code syscall.Errno) bool    { return code == syscall.ENOLCK }
func isDiskFailed(code syscall.Errno) bool { return code == syscall.EIO }

// ownedByRootAlone reports whether root owns path, or the nearest folder above
// it that can be seen, while somebody else runs this program.
func ownedByRootAlone(path string) bool {
	if os.Geteuid() == 0 {
		return false
	}
	for {
		info, err := os.Stat(path)
		if err == nil {
			stat, ok := info.Sys().(*syscall.Stat_t)
			return ok && stat.Uid == 0
		}
		up := filepath.Dir(path)
		if up == path {
			return false
		}
		path = up
	}
}
