//go:build !windows

package home

import "io/fs"

// exposed reports whether a file of that mode can be read by others than its owner.
func exposed(mode fs.FileMode) bool { return mode.Perm()&0o044 != 0 }
