//go:build !windows

package config

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// unsafe says why a directory is not the user's alone, "" if it is.
func unsafe(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "its owner cannot be read"
	}
	// Root is no exception: files it made in a user's directory, as under
	// sudo, would lock that user out of the program.
	if uid := os.Geteuid(); int(stat.Uid) != uid {
		return fmt.Sprintf("it belongs to user %d and this is user %d; run as its owner, or name another directory", stat.Uid, uid)
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 {
		return fmt.Sprintf("its mode is %04o; run `chmod go-w` on it", perm)
	}
	return ""
}
