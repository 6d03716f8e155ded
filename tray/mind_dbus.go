//go:build !darwin && !windows

package tray

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/assets"
)

const (
	watcherName  = "org.kde.StatusNotifierWatcher"
	watcherPath  = "/StatusNotifierWatcher"
	itemPath     = "/StatusNotifierItem"
	portalName   = "org.freedesktop.portal.Desktop"
	portalPath   = "/org/freedesktop/portal/desktop"
	settingsFace = "org.freedesktop.portal.Settings"
)

const (
	// registerGrace is what systray gets to register the icon with a new
	// watcher before it is helped.
	registerGrace = 300 * time.Millisecond
	registerTries = 4

	// desktopTimeout bounds a question to a program of the desktop.
	desktopTimeout = time.Second
)

// mind does what systray leaves undone, until ctx ends: it registers the icon
// when systray's one attempt came too early for a watcher, says once that there
// is none, and follows the colour scheme. It runs only when the bus tells of a
// change.
func mind(ctx context.Context, conn *dbus.Conn, owner string, shared *dbus.Conn, u *ui) {
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	defer conn.RemoveSignal(signals)
	// Errors of these are the bus's end, which ctx tells.
	_ = conn.AddMatchSignalContext(ctx, dbus.WithMatchSender("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, watcherName))
	_ = conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(settingsFace),
		dbus.WithMatchMember("SettingChanged"), dbus.WithMatchArg(0, "org.freedesktop.appearance"))

	told := false
	look := func() {
		if !registered(ctx, conn, owner, shared) && !told && ctx.Err() == nil {
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
			case s.Name == settingsFace+".SettingChanged":
				select {
				case <-u.schemes: // one that was not drawn yet
				default:
				}
				u.schemes <- schemeOf(ctx, conn) // has one place, and only we send
			case len(s.Body) == 3 && s.Body[2] != "":
				look()
			}
		}
	}
}

// registered makes sure that the icon is registered if there is a watcher, and
// reports whether there is.
func registered(ctx context.Context, conn *dbus.Conn, owner string, shared *dbus.Conn) bool {
	grace := registerGrace
	for range registerTries {
		pause(ctx, grace)
		listed, err := listedItems(ctx, conn)
		if err != nil {
			return !absent(err) // one that does not tell is taken at systray's word
		}
		if slices.ContainsFunc(listed, func(entry string) bool { return isItem(entry, owner) }) {
			return true
		}
		call, cancel := context.WithTimeout(ctx, desktopTimeout)
		// Over systray's connection, since a watcher asks the one that registers.
		shared.Object(watcherName, watcherPath).CallWithContext(call,
			watcherName+".RegisterStatusNotifierItem", dbus.FlagNoAutoStart, itemPath)
		cancel()
		grace *= 2
	}
	return true
}

func listedItems(ctx context.Context, conn *dbus.Conn) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, desktopTimeout)
	defer cancel()
	var v dbus.Variant
	err := conn.Object(watcherName, watcherPath).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get",
		dbus.FlagNoAutoStart, watcherName, "RegisteredStatusNotifierItems").Store(&v)
	if err != nil {
		return nil, err
	}
	var listed []string
	return listed, v.Store(&listed)
}

// absent reports whether an error says that nobody has the name.
func absent(err error) bool {
	var e dbus.Error
	if !errors.As(err, &e) {
		return true // the bus is gone
	}
	return e.Name == "org.freedesktop.DBus.Error.ServiceUnknown" || e.Name == "org.freedesktop.DBus.Error.NameHasNoOwner"
}

// isItem reports whether a watcher's entry is ours. Watchers write the bus
// name, unique or not, and the path behind it, some with an @ between.
func isItem(entry, unique string) bool {
	for _, name := range []string{unique, itemName()} {
		if rest, ok := strings.CutPrefix(entry, name); ok && (rest == "" || rest[0] == '/' || rest[0] == '@') {
			return true
		}
	}
	return false
}

// schemeOf asks the desktop whether it is light or dark. Without an answer the
// icon is one for both.
func schemeOf(ctx context.Context, conn *dbus.Conn) assets.Scheme {
	// The top bar of GNOME is dark, whatever windows are.
	if strings.Contains(strings.ToUpper(os.Getenv("XDG_CURRENT_DESKTOP")), "GNOME") {
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

// schemeOfPortal reads the value of color-scheme: a wish of the user for
// programs, which panels follow more often than not.
func schemeOfPortal(v uint32) assets.Scheme {
	switch v {
	case 1:
		return assets.DarkPanel
	case 2:
		return assets.LightPanel
	}
	return assets.AnyPanel
}
