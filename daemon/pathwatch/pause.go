package pathwatch

import (
	"context"
	"time"
)

// leastPause is how long a look is put off at least where the watch has failed.
const leastPause = time.Second

// Pause waits for timeout (0: for ever) or ctx, and returns false.
func Pause(ctx context.Context, timeout time.Duration) bool {
	if timeout == 0 {
		<-ctx.Done()
		return false
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}
