//go:build !linux

package pathwatch

import (
	"context"
	"time"
)

// Watch sees nothing: on these systems one has to look.
type Watch struct{}

// New returns nil.
func New(string) *Watch { return nil }

// Wait returns false after timeout (0: never) or when ctx ends.
func (*Watch) Wait(ctx context.Context, timeout time.Duration) bool {
	return Pause(ctx, timeout)
}

// Close does nothing.
func (*Watch) Close() {}
