// Package memory gives back to the system what a process does not need any more, and bounds
// the garbage that the runtime collects before it works.
//
// It exists since a daemon idles for days: the runtime keeps what it once needed for next
// allocations, and pages of the program file stay where they were read. Whoever has just
// done something rare asks for it. Load finds out when a load of requests is over.
package memory

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

// startOver is how long after its beginning a start is over: vaults are open, and live
// sockets have joined.
const startOver = 10 * time.Second

// GiveBackTheStart gives back what only the start needed, once. The runtime touches most of
// the program file when it starts, and an idle daemon needs a quarter of that. A page that
// is needed again is still in the system's cache.
func GiveBackTheStart(ctx context.Context) {
	timer := time.NewTimer(startOver)
	defer timer.Stop()
	select {
	case <-timer.C:
		debug.FreeOSMemory()
		releaseProgramFile()
	case <-ctx.Done():
	}
}

// GiveBack gives back what is not in use at this moment.
func GiveBack() {
	runtime.GC() // pools let go of what they hold at the second one
	debug.FreeOSMemory()
	releaseProgramFile()
	kept.Store(resident())
}

// GiveBackProgram gives back the pages of the program file. Those that are needed come from
// the system's cache again, some at a time, and that takes about a millisecond in all.
func GiveBackProgram() { releaseProgramFile() }
