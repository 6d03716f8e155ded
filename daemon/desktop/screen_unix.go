//go:build !windows && !darwin

package desktop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// HasScreen reports whether a browser could open: without one xdg-open starts
// a browser in our own terminal.
func HasScreen() bool {
	adoptScreen()
	return knowsScreen()
}

func knowsScreen() bool { return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" }

// screenDeadline bounds the questions where the screen is.
const screenDeadline = time.Second

// screenVariables say where the screen is and who may draw on it.
var screenVariables = []string{"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_CURRENT_DESKTOP", "XDG_SESSION_TYPE"}

var adopting sync.Mutex

// adoptScreen makes the screen of the user's session this process's own, where it
// was started before there was one: by the user's systemd, which starts programs
// of the session before its display is known. The session's own programs know it.
func adoptScreen() {
	adopting.Lock()
	defer adopting.Unlock()
	if knowsScreen() {
		return
	}
	found := findScreen()
	if found["DISPLAY"] == "" && found["WAYLAND_DISPLAY"] == "" {
		return
	}
	for _, name := range screenVariables {
		if value := found[name]; value != "" && os.Getenv(name) == "" {
			_ = os.Setenv(name, value) // it errs only for a name that is none
		}
	}
}

// findScreen asks on the session bus: the user's systemd, into which desktops
// write their environment, and the program that shows icons.
func findScreen() map[string]string {
	ctx, cancel := context.WithTimeout(context.Background(), screenDeadline)
	defer cancel()
	conn, err := sessionBus(ctx)
	if err != nil {
		return nil
	}
	defer conn.Close()
	if found := pick(systemdEnvironment(ctx, conn)); knows(found) {
		return found
	}
	for _, name := range []string{"org.kde.StatusNotifierWatcher", "org.freedesktop.Notifications", "org.gnome.Shell", "org.kde.plasmashell"} {
		if found := pick(environmentOf(ctx, conn, name)); knows(found) {
			return found
		}
	}
	return nil
}

func knows(found map[string]string) bool {
	return found["DISPLAY"] != "" || found["WAYLAND_DISPLAY"] != ""
}

// sessionBus connects to the session bus and never starts one.
func sessionBus(ctx context.Context) (*dbus.Conn, error) {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" || strings.HasPrefix(address, "autolaunch:") {
		dir := os.Getenv("XDG_RUNTIME_DIR")
		if dir == "" {
			return nil, fmt.Errorf("there is no session bus")
		}
		address = "unix:path=" + dbus.EscapeBusAddressValue(filepath.Join(dir, "bus"))
	}
	return dbus.Connect(address, dbus.WithContext(ctx))
}

// systemdEnvironment is what the user's systemd gives to what it starts now.
func systemdEnvironment(ctx context.Context, conn *dbus.Conn) []string {
	var v dbus.Variant
	err := conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1").CallWithContext(ctx,
		"org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, "org.freedesktop.systemd1.Manager", "Environment").Store(&v)
	if err != nil {
		return nil
	}
	list, _ := v.Value().([]string)
	return list
}

// environmentOf is the environment of the program that owns a name.
func environmentOf(ctx context.Context, conn *dbus.Conn, name string) []string {
	var pid uint32
	err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixProcessID", 0, name).Store(&pid)
	if err != nil {
		return nil
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return nil
	}
	var list []string
	for one := range bytes.SplitSeq(data, []byte{0}) {
		list = append(list, string(one))
	}
	return list
}

// pick takes out of an environment what says where the screen is.
func pick(environment []string) map[string]string {
	found := map[string]string{}
	for _, one := range environment {
		name, value, _ := strings.Cut(one, "=")
		for _, wanted := range screenVariables {
			if name == wanted {
				found[name] = value
			}
		}
	}
	return found
}
