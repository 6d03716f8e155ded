package desktop

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"time"
)

// caffeinate is a program of macOS that holds power assertions; a program without
// cgo cannot make them itself (IOPMAssertionCreateWithName).
var caffeinate = "/usr/bin/caffeinate"

// awakeMost is when caffeinate ends by itself, should nobody end it.
const awakeMost = 2 * time.Minute

// StayAwake keeps the machine from sleeping when it is idle, and on mains power
// from any sleep, until done is called. done is never nil and may be called more
// than once. Nothing delays a closed lid on battery, or a shutdown: macOS tells of
// them only to programs with a run loop of IOKit, which needs cgo.
func StayAwake(_ context.Context, _ string) (done func(), err error) {
	held := exec.Command(caffeinate, "-i", "-s", "-t", fmt.Sprint(int(awakeMost.Seconds()))) //nolint:gosec // a fixed path
	if err := held.Start(); err != nil {
		return func() {}, fmt.Errorf("delay suspend: %w", err)
	}
	return sync.OnceFunc(func() {
		_ = held.Process.Kill() // it may have ended
		_ = held.Wait()
	}), nil
}
