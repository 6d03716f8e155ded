//go:build !darwin && !windows && !systray

package tray

import (
	"context"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/desktop/notify"
)

// noticeIcon is the size of the picture in a notification.
const noticeIcon = 48

// show waits for a session bus and shows the icon until ctx ends, which is nil,
// or the bus does, which is ErrBusLost.
func show(ctx context.Context, u *ui) error {
	conn, err := awaitBus(ctx, u.cfg.Log)
	if err != nil {
		return nil
	}
	lost, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	defer context.AfterFunc(conn.Context(), func() { lose(ErrBusLost) })()

	told := make(chan struct{})
	if u.cfg.Notifications {
		n := notify.New(conn, assets.Icon(assets.NeedsUser, assets.AnyPanel, noticeIcon), u.cfg.Log)
		u.messages.to = n
		go func() {
			defer close(told)
			n.Run(lost)
		}()
	} else {
		close(told)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := dwell(lost, u, conn); err != nil {
			lose(fmt.Errorf("%w: %w", ErrBusLost, err))
		}
	}()
	<-lost.Done()
	select {
	case <-told: // notices are taken away while there is a connection
	case <-time.After(endTimeout):
	}
	_ = conn.Close() // takes the icon away, and frees whatever waits for the bus
	select {
	case <-ended:
	case <-time.After(2 * endTimeout):
		u.cfg.Log.Debug("a command of the tray still runs at its end")
	}
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(lost)
}

// dwell puts the icon on the bus and keeps it as the ui says, until ctx ends.
func dwell(ctx context.Context, u *ui, conn *dbus.Conn) error {
	p := newDBusPanel(conn, ctx.Done(), u.cfg.Log)
	u.scheme = schemeOf(ctx, conn)
	u.draw(p) // before anybody can look
	if err := p.serve(); err != nil {
		return err
	}
	minded := make(chan struct{})
	go func() {
		defer close(minded)
		mind(ctx, conn, u)
	}()
	u.loop(ctx, p)
	<-minded
	return nil
}
