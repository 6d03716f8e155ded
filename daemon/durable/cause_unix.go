//go:build !windows

package durable

import (
	"os"
	"path/filepath"
	"syscall"
)

// A limit of the process or the user counts as a full disk: the file cannot grow.
var (
	codesNoSpace    = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}
	codesReadOnly   = []syscall.Errno{syscall.EROFS}
	codesNoLocks    = []syscall.Errno{syscall.ENOLCK, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS} // not every file system has locks
	codesDiskFailed = []syscall.Errno{syscall.EIO}
)

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
