//go:build !linux

package upstream

// canWatchReady: the end of a connection on which nobody reads cannot be noticed here,
// so none is kept ready.
const canWatchReady = false

func waitClosed(*tracked) bool  { return true }
func established(*tracked) bool { return false }

// stillness is of Linux.
type stillness struct{}

func newStillness(*tracked) *stillness { return nil }

func (*stillness) nothingCame() bool { return false }
