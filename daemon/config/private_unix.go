//go:build !windows

package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// unsafe says why the directory dir is not the user's alone, "" if it is.
func unsafe(dir string, info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "its owner cannot be read"
	}
	// Root is no exception: files it made in a user's directory, as under
	// sudo, would lock that user out of the program.
	if uid := os.Geteuid(); int(stat.Uid) != uid {
		switch {
		case stat.Uid == 0:
			return fmt.Sprintf("root owns it, probably because a command was run with sudo; "+
				"take it back: `sudo chown -R %d %q`, and leave sudo away", uid, dir)
		case uid == 0:
			return fmt.Sprintf("it belongs to user %d and this is root; leave sudo away, or name another directory", stat.Uid)
		}
		return fmt.Sprintf("it belongs to user %d and this is user %d; run as its owner, or name another directory", stat.Uid, uid)
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 {
		return fmt.Sprintf("its mode is %04o; run `chmod go-w %q`", perm, dir)
	}
	return ""
}

// foreignParent says why a command under sudo may not make dir, "" if it may:
// what root makes in a user's home would lock that user out.
func foreignParent(dir string) string {
	if by := os.Getenv("SUDO_UID"); os.Geteuid() != 0 || by == "" || by == "0" {
		return ""
	}
	for {
		info, err := os.Stat(dir)
		if err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 {
				return fmt.Sprintf("the directory above it belongs to user %d and this is root; leave sudo away, or name another directory",
					stat.Uid)
			}
			return ""
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}
