package service

import (
	"context"
	"errors"
	"log/slog"

	"shelfkeeper/daemon/desktop"
)

// stayAwake delays a suspend while a session is being renewed: the answer that
// brings the new token should be written down before the machine sleeps. Where
// nothing can delay it, the rotation is resumed at wake-up.
func stayAwake(log *slog.Logger) func(context.Context) func() {
	return func(ctx context.Context) func() {
		done, err := desktop.StayAwake(ctx, "A session is being renewed and written down")
		if errors.Is(err, desktop.ErrGoingDown) {
			return nil
		}
		if err != nil {
			log.Debug("a suspend is not delayed", "reason", err)
		}
		return done
	}
}
