package desktop

import "errors"

// ErrNoScheme: the desktop hands no addresses of a scheme to a plain program.
var ErrNoScheme = errors.New("this desktop hands no such addresses to a program")

// TakeScheme makes command the user's program for addresses of scheme: it is
// run with "--" and the address added. Where another program was the one
// before, restore gives the scheme back to it; otherwise it stays ours, and
// restore does nothing. command[0] is an absolute path.
//
// Errors wrap ErrNoScheme where the desktop has no such thing.
func TakeScheme(scheme string, command []string) (restore func() error, err error) {
	return takeScheme(scheme, command)
}

// ReleaseScheme undoes TakeScheme of every former run, where the scheme is still
// ours. It returns nil where it never was.
func ReleaseScheme(scheme string) error { return releaseScheme(scheme) }

// SchemeEntry is the file by which the desktop hands addresses of a scheme to
// Shelfkeeper, "" where there is none.
func SchemeEntry() string { return schemeEntry() }
