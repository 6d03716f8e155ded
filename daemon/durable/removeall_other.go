//go:build !windows

package durable

import "os"

// RemoveAll is os.RemoveAll. Windows needs more.
func RemoveAll(path string) error { return os.RemoveAll(path) }
