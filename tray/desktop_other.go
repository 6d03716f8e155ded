//go:build darwin || windows

package tray

import (
	"context"
	"log/slog"
	"time"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/desktop/notify"
)

// awaitDesktop returns at once, since these systems always have a desktop.
func awaitDesktop(ctx context.Context, _ *slog.Logger) error { return ctx.Err() }

// noticeIcon is the size of the picture in a notification.
const noticeIcon = 48

// tellBy shows messages of the desktop until ctx ends. end waits until they are taken
// away.
func tellBy(ctx context.Context, u *ui) (end func()) {
	if !u.cfg.Notifications {
		return func() {}
	}
	n := notify.New(assets.Icon(assets.NeedsUser, assets.AnyPanel, noticeIcon), u.cfg.Page, u.cfg.Log)
	u.messages.to = n
	told := make(chan struct{})
	go func() {
		defer close(told)
		n.Run(ctx)
	}()
	return func() {
		select {
		case <-told:
		case <-time.After(2 * endTimeout): // a program of the desktop may hang
		}
	}
}
