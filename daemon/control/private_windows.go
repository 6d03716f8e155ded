package control

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// exposed finds nothing: Windows has no mode bits, and a directory within the
// user's profile inherits an access list that keeps other users out.
func exposed(fs.FileInfo) string { return "" }

// ours relies on the directory's access list too.
func ours(fs.FileInfo) bool { return true }

// closeToOthers does nothing: the socket inherits the directory's access list.
func closeToOthers(string) error { return nil }

// nobodyListens reports whether err of a connect proves that nobody listens.
func nobodyListens(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }
