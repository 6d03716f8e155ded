package durable

import (
	"fmt"
	"path/filepath"
)

// Remedy returns what a person can do about an error of a file, "" where the
// cause is unknown.
func Remedy(err error) string {
	c, path := CauseOf(err)
	at := "there"
	if path != "" {
		at = "in " + filepath.Dir(path)
	}
	switch c {
	case NoSpace:
		return "free some space and try again; nothing was lost"
	case ReadOnly:
		return fmt.Sprintf("make it possible to write %s: the file system is read-only", at)
	case Forbidden:
		return fmt.Sprintf("let your user write %s", at)
	case OwnedRoot:
		return fmt.Sprintf("take it back from root: `sudo chown -R \"$(id -un)\" %q`, and leave sudo away", filepath.Dir(path))
	case NoLocks:
		return "let the file system offer locks, or set XDG_STATE_HOME to a directory on a local disk"
	case DiskFailed:
		return "look at the system's log: the disk reports errors"
	}
	return ""
}
