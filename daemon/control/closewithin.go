package control

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// closeWait bounds the wait for the end of what a pipe has under way.
const closeWait = 5 * time.Second

var errStuck = errors.New("what was under way on it has not ended")

// closeWithin closes c, and waits for that for a bounded time. A pipe's Close waits until
// the system has ended each read and write that it was told to cancel. Windows does so at
// once. Wine was met once where it did not, and every caller's own deadline would wait
// behind the Close. The goroutine outlives the call only then, and ends with the process.
func closeWithin(c io.Closer, wait time.Duration) error {
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-closed:
		return err
	case <-timer.C:
		return fmt.Errorf("close within %s: %w", wait, errStuck)
	}
}
