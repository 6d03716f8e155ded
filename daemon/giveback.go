package daemon

import (
	"context"
	"runtime/debug"
	"time"
)

// startOver is how long after its beginning a start is over: vaults are open, and live
// sockets have joined.
const startOver = 10 * time.Second

// giveBack returns what only the start needed to the system, once: memory that the
// runtime keeps for next allocations, and pages of the program file. The runtime touches
// most of the file when it starts, and an idle daemon needs a quarter of that. A page
// that is needed again is still in the system's cache.
func giveBack(ctx context.Context) {
	timer := time.NewTimer(startOver)
	defer timer.Stop()
	select {
	case <-timer.C:
		debug.FreeOSMemory()
		releaseProgramFile()
	case <-ctx.Done():
	}
}
