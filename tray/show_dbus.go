//go:build !darwin && !windows

package tray

import (
	"context"
	"fmt"
	"os"
	"time"

	"fyne.io/systray"
	"github.com/godbus/dbus/v5"
)

// name is the icon's Id, by which desktops remember that the user hides it or
// always shows it.
const name = "Shelfkeeper"

// startTimeout bounds the handful of answers from the bus that an icon needs
// before it is there. A bus that does not give them in this time hangs.
const startTimeout = 5 * time.Second

// show waits for a session bus and shows the icon until ctx ends, which is nil,
// or the bus does, which is ErrBusLost.
func show(ctx context.Context, u *ui) error {
	bus, err := awaitBus(ctx, u.cfg.Log)
	if err != nil {
		return nil
	}
	defer func() { _ = bus.conn.Close() }()
	// systray uses godbus's shared connection, which without this variable would
	// start a bus of its own by dbus-launch.
	if err := os.Setenv(busVariable, bus.address); err != nil {
		return fmt.Errorf("pin the session bus: %w", err)
	}
	lost, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	stop := context.AfterFunc(bus.conn.Context(), func() { lose(ErrBusLost) })
	defer stop()

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Parts of systray panic on a bus that is gone.
		defer func() {
			if p := recover(); p != nil {
				lose(fmt.Errorf("%w: %v", ErrBusLost, p))
			}
		}()
		if err := dwell(lost, u, bus, lose); err != nil {
			lose(err)
		}
	}()
	<-lost.Done()
	select {
	case <-ended:
	case <-time.After(2 * endTimeout): // a bus that is stopped but not dead holds every write
		u.cfg.Log.Debug("the session bus does not let the tray end")
	}
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(lost)
}

// dwell puts the icon on the bus and keeps it as the ui says, until ctx ends.
// It is the one goroutine that calls systray.
func dwell(ctx context.Context, u *ui, bus *bus, lose func(error)) error {
	p := newTrayPanel(ctx.Done())
	systray.SetTitle(name)
	u.scheme = schemeOf(ctx, bus.conn)
	u.draw(p) // so that no panel ever sees an icon without a picture
	start, end := systray.RunWithExternalLoop(nil, nil)
	start()
	owner, err := bus.owner(ctx)
	if err != nil {
		return err
	}
	// start has made the shared connection, so this only returns it.
	shared, err := dbus.SessionBus()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBusLost, err)
	}
	defer context.AfterFunc(shared.Context(), func() { lose(ErrBusLost) })()
	item := newItem(shared)
	item.icon(markOf(u.shown.Level), u.scheme)
	item.tooltip(u.shown.Tooltip)
	if err := item.serve(); err != nil {
		return fmt.Errorf("%w: %w", ErrBusLost, err)
	}
	p.face = item

	minded := make(chan struct{})
	go func() {
		defer close(minded)
		mind(ctx, bus.conn, owner, shared, u)
	}()
	u.loop(ctx, p)
	<-minded
	if bus.conn.Context().Err() == nil && shared.Context().Err() == nil {
		end() // takes the icon away; it would panic without a bus
	}
	return nil
}
