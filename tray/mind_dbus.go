//go:build !darwin && !windows && !systray

package tray

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/daemon/pathwatch"

	"shelfkeeper/assets"
)

const (
	// A watcher may own its name before it can register anything.
	registerPause = 50 * time.Millisecond
	registerTries = 6

	// desktopTimeout bounds a question to a program of the desktop.
	desktopTimeout = time.Second
)

// mind registers the icon with every panel that comes, says once that there is
// none, and follows the colour scheme, until ctx ends. It runs only when the
// bus tells of a change.
func mind(ctx context.Context, conn *dbus.Conn, u *ui) {
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	defer conn.RemoveSignal(signals)
	// Errors of these are the bus's end, which ctx tells.
	_ = conn.AddMatchSignalContext(ctx, dbus.WithMatchSender("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, watcherName))
	_ = conn.AddMatchSignalContext(ctx, dbus.WithMatchSender("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, portalName))
	_ = conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(watcherName), dbus.WithMatchObjectPath(watcherPath))
	_ = conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(settingsFace),
		dbus.WithMatchMember("SettingChanged"), dbus.WithMatchArg(0, "org.freedesktop.appearance"))

	told := false
	look := func() {
		hosts := register(ctx, conn) && hasHost(ctx, conn)
		if ctx.Err() != nil {
			return
		}
		select {
		case <-u.hosts: // what was not heard yet
		default:
		}
		u.hosts <- hosts // has one place, and only we send
		if !hosts && !told {
			told = true
			u.cfg.Log.Info("no panel shows tray icons now; the icon comes when one does, and `shelfkeeper status` tells the same")
		}
	}
	look()
	for {
		select {
		case <-ctx.Done():
			return
		case s, open := <-signals:
			switch {
			case !open:
				return
			case s.Name == settingsFace+".SettingChanged", s.Name == ownerChanged && len(s.Body) == 3 && s.Body[0] == portalName:
				select {
				case <-u.schemes: // one that was not drawn yet
				default:
				}
				u.schemes <- schemeOf(ctx, conn) // has one place, and only we send
			case s.Name == ownerChanged && len(s.Body) == 3 && s.Body[0] == watcherName,
				s.Name == watcherName+".StatusNotifierHostRegistered", s.Name == watcherName+".StatusNotifierHostUnregistered":
				look()
			}
		}
	}
}

// hasHost reports whether a panel shows what the watcher knows. A watcher that
// does not say is taken for one that does.
func hasHost(ctx context.Context, conn *dbus.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, desktopTimeout)
	defer cancel()
	var v dbus.Variant
	err := conn.Object(watcherName, watcherPath).CallWithContext(ctx, propsFace+".Get", dbus.FlagNoAutoStart,
		watcherName, "IsStatusNotifierHostRegistered").Store(&v)
	if err != nil {
		return !absent(err)
	}
	is, ok := v.Value().(bool)
	return is || !ok
}

// register tells the watcher of the icon, and reports whether there is one.
func register(ctx context.Context, conn *dbus.Conn) bool {
	wait := registerPause
	for range registerTries {
		call, cancel := context.WithTimeout(ctx, desktopTimeout)
		err := conn.Object(watcherName, watcherPath).CallWithContext(call,
			watcherName+".RegisterStatusNotifierItem", dbus.FlagNoAutoStart, itemPath).Err
		cancel()
		if err == nil {
			return true
		}
		if absent(err) {
			return false
		}
		pathwatch.Pause(ctx, wait)
		wait *= 2
	}
	return true
}

// absent reports whether an error says that no program has the name, or that
// there is no bus.
func absent(err error) bool {
	var e dbus.Error
	if !errors.As(err, &e) {
		return errors.Is(err, dbus.ErrClosed)
	}
	return e.Name == "org.freedesktop.DBus.Error.ServiceUnknown" || e.Name == "org.freedesktop.DBus.Error.NameHasNoOwner"
}

// schemeOf asks the desktop whether it is light or dark. Without an answer the
// icon is one for both.
func schemeOf(ctx context.Context, conn *dbus.Conn) assets.Scheme {
	switch {
	case iconKindOf(desktopName()) == symbolicFiles:
		return assets.AnyPanel // for those who do not know the files
	// The top bar of GNOME is dark, whatever windows are.
	case strings.Contains(strings.ToUpper(os.Getenv("XDG_CURRENT_DESKTOP")), "GNOME"):
		return assets.DarkPanel
	}
	ctx, cancel := context.WithTimeout(ctx, desktopTimeout)
	defer cancel()
	var v dbus.Variant
	err := conn.Object(portalName, portalPath).CallWithContext(ctx, settingsFace+".Read", dbus.FlagNoAutoStart,
		"org.freedesktop.appearance", "color-scheme").Store(&v)
	if err != nil {
		return assets.AnyPanel
	}
	for {
		switch value := v.Value().(type) {
		case dbus.Variant: // Read, unlike ReadOne of newer portals, wraps it twice
			v = value
		case uint32:
			return schemeOfPortal(value)
		default:
			return assets.AnyPanel
		}
	}
}

// schemeOfPortal reads the value of color-scheme: a wish of the user for windows.
// Where they are dark the panel is dark too. Where they are light it may be
// either, and the icon for every panel looks on a light one like the icon for it.
func schemeOfPortal(v uint32) assets.Scheme {
	if v == 1 {
		return assets.DarkPanel
	}
	return assets.AnyPanel
}
