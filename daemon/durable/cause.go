package durable

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// Cause is why a file could not be written, as far as a person can act on it.
type Cause int

// The causes.
const (
	Unknown    Cause = iota
	NoSpace          // the disk, or the user's share of it, is full
	ReadOnly         // the file system can only be read
	Forbidden        // the user may not write there
	OwnedRoot        // the same, because root owns the file: often a command that was run with sudo
	NoLocks          // the file system, often a network share, offers no locks
	DiskFailed       // the disk reports an error of its own
)

// CauseOf returns why err happened, and the path that it is about, if it names
// one.
func CauseOf(err error) (c Cause, path string) {
	path = pathOf(err)
	switch {
	case isAny(err, codesNoSpace):
		c = NoSpace
	case isAny(err, codesReadOnly):
		c = ReadOnly
	case isAny(err, codesNoLocks):
		c = NoLocks
	case isAny(err, codesDiskFailed):
		c = DiskFailed
	case errors.Is(err, fs.ErrPermission):
		c = Forbidden
		if path != "" && ownedByRootAlone(path) {
			c = OwnedRoot
		}
	}
	return c, path
}

func isAny(err error, codes []syscall.Errno) bool {
	return slices.ContainsFunc(codes, func(c syscall.Errno) bool { return errors.Is(err, c) })
}

func pathOf(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Path
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.New
	}
	return ""
}

// IsFull reports whether err says that a file could not grow, because the disk
// or the user's share of it is full.
func IsFull(err error) bool {
	c, _ := CauseOf(err)
	return c == NoSpace
}
