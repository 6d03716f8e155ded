//go:build !windows

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// exposed says why a directory is not the user's alone, "" if it is.
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

// closeToOthers sets the mode of the socket. Until then the umask gave it one,
// behind a directory that is closed already.
func closeToOthers(path string) error { return os.Chmod(path, 0o600) }

// unheard reports whether err of a connect proves that nobody listens.
// Anything else, such as a full queue (EAGAIN), may be somebody who is busy.
func unheard(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
