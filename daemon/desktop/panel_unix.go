//go:build !windows && !darwin

package desktop

import (
	"context"
	"errors"
	"time"

	"github.com/godbus/dbus/v5"
)

// The watcher keeps the list of icons, and a panel that draws them is its host
// (freedesktop.org, StatusNotifierItem).
const (
	watcherName = "org.kde.StatusNotifierWatcher"
	watcherPath = dbus.ObjectPath("/StatusNotifierWatcher")
)

// panelDeadline bounds the question whether a panel shows icons.
const panelDeadline = 2 * time.Second

// ShowsIcons reports whether a panel shows the icons of programs. It starts no bus.
func ShowsIcons(ctx context.Context) (bool, error) {
	if !HasScreen() {
		return false, ErrNoDesktop
	}
	ctx, cancel := context.WithTimeout(ctx, panelDeadline)
	defer cancel()
	conn, err := sessionBus(ctx)
	if err != nil {
		return false, ErrNoDesktop
	}
	defer func() { _ = conn.Close() }()
	var v dbus.Variant
	err = conn.Object(watcherName, watcherPath).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart,
		watcherName, "IsStatusNotifierHostRegistered").Store(&v)
	var failed dbus.Error
	switch {
	case errors.As(err, &failed) && failed.Name != "org.freedesktop.DBus.Error.ServiceUnknown" &&
		failed.Name != "org.freedesktop.DBus.Error.NameHasNoOwner":
		return true, nil // a watcher that does not say is taken for one with a host
	case errors.As(err, &failed):
		return false, nil
	case err != nil:
		return false, err
	}
	is, told := v.Value().(bool)
	return is || !told, nil
}
