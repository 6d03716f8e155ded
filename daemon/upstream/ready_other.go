//go:build !linux

package upstream

// canWatchReady: the end of a connection on which nobody reads cannot be noticed here,
// so none is kept ready.
const canWatchReady = false

func waitClosed(*tracked) bool  { return true }
func established(*tracked) bool { return false }

func nothingCame(*tracked) bool { return false }
