//go:build !linux && !darwin && !windows

package tray

import (
	"context"
	"time"
)

// socketWatch sees nothing: on these systems the bus is looked for.
type socketWatch struct{}

func watchSocket(string) *socketWatch { return nil }

func (*socketWatch) wait(ctx context.Context, timeout time.Duration) bool {
	return pause(ctx, timeout)
}

func (*socketWatch) close() {}
