//go:build darwin || windows

package tray

import (
	"context"
	"log/slog"
)

// awaitDesktop returns at once, since these systems always have a desktop; in a
// build without a tray it returns only with ctx's error.
func awaitDesktop(ctx context.Context, log *slog.Logger) error {
	if !supported {
		log.Info("this build has no tray icon; `shelfkeeper status` tells the same")
		<-ctx.Done()
	}
	return ctx.Err()
}
