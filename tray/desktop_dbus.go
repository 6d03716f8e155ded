//go:build !darwin && !windows

package tray

import (
	"context"
	"log/slog"
	"os"
)

// awaitDesktop returns when there is a desktop session, or with ctx's error.
func awaitDesktop(ctx context.Context, log *slog.Logger) error {
	if os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" {
		return ctx.Err()
	}
	conn, err := awaitBus(ctx, log)
	if err != nil {
		return err
	}
	_ = conn.Close() // the child makes its own
	return nil
}
