//go:build windows || (darwin && cgo)

package tray

import (
	"context"
	"time"

	"fyne.io/systray"
)

// show runs the desktop's event loop, on the calling goroutine since both
// desktops bind it to a thread, until the ui ends or the desktop does.
func show(ctx context.Context, u *ui) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	ready := func() {
		defer close(ended)
		u.loop(ctx, newTrayPanel(ctx.Done()))
		systray.Quit()
	}
	systray.Run(ready, nil)
	cancel()
	select {
	case <-ended:
	case <-time.After(2 * endTimeout): // ready was never called, or a command hangs
	}
	return nil
}
