//go:build !windows

package notify

// Unregister removes what the system's centre of messages knows of this program.
// Only Windows keeps an entry.
func Unregister() error { return nil }
