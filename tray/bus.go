//go:build !darwin && !windows

package tray

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/daemon/pathwatch"
)

const busVariable = "DBUS_SESSION_BUS_ADDRESS"

const (
	// probeTimeout is ample for a bus that answers; it is for one that is
	// stopped.
	probeTimeout = 3 * time.Second

	// A socket can be seen before its daemon listens on it, so a change is
	// followed by some more looks, ever less often.
	firstPause = 50 * time.Millisecond

	// lastPause is how often to look for a bus if the system does not announce
	// it. The icon is to be there within two seconds.
	lastPause = time.Second
)

var (
	errNoBus  = errors.New("no session bus: DBUS_SESSION_BUS_ADDRESS is not set, and there is no XDG_RUNTIME_DIR")
	errSilent = errors.New("the session bus does not answer")
)

// busAddress returns where the session bus is or would be, and the path of its
// socket if it has one. It never starts one.
func busAddress() (address, path string, err error) {
	if address = os.Getenv(busVariable); address == "" || strings.HasPrefix(address, "autolaunch:") {
		dir := os.Getenv("XDG_RUNTIME_DIR")
		if dir == "" {
			return "", "", errNoBus
		}
		path = filepath.Join(dir, "bus")
		return "unix:path=" + dbus.EscapeBusAddressValue(path), path, nil
	}
	for one := range strings.SplitSeq(address, ";") {
		_, pairs, _ := strings.Cut(one, ":")
		for pair := range strings.SplitSeq(pairs, ",") {
			if v, ok := strings.CutPrefix(pair, "path="); ok {
				if path, err = dbus.UnescapeBusAddressValue(v); err == nil {
					return address, path, nil
				}
			}
		}
	}
	return address, "", nil
}

// probe connects to the bus, in the time of probeTimeout and before ctx ends;
// the connection outlives ctx. It never starts a bus, unlike godbus by default.
func probe(ctx context.Context, address string) (*dbus.Conn, error) {
	conn, err := dbus.Dial(address, dbus.WithContext(context.WithoutCancel(ctx)))
	if err != nil {
		return nil, fmt.Errorf("connect to the session bus: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	late := time.AfterFunc(probeTimeout, func() { _ = conn.Close() })
	if err = conn.Auth(nil); err == nil {
		err = conn.Hello()
	}
	if !late.Stop() {
		err = errSilent
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("sign in to the session bus: %w", err)
	}
	return conn, nil
}

// awaitBus returns a connection of our own as soon as there is a session bus; its
// context ends when the bus does. If the bus has a socket in a directory, nothing
// runs until that directory changes. The error is ctx's.
func awaitBus(ctx context.Context, log *slog.Logger) (*dbus.Conn, error) {
	interval, told := firstPause, false
	for {
		address, path, err := busAddress()
		watch := pathwatch.New(path) // before the look, so that nothing falls between
		var conn *dbus.Conn
		if err == nil {
			conn, err = probe(ctx, address)
		}
		if err == nil {
			watch.Close()
			return conn, nil
		}
		if ctx.Err() != nil {
			watch.Close()
			return nil, ctx.Err()
		}
		if !told {
			told = true
			log.Info("no session bus yet, the tray icon waits for it", "reason", err)
		}
		longest := interval
		switch {
		case path == "" && address == "":
			longest = 0 // the environment of a process does not change
		case interval > lastPause && watch != nil && !errors.Is(err, errSilent):
			longest = 0
		case interval > lastPause:
			longest = lastPause
		}
		changed := watch.Wait(ctx, longest)
		watch.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if interval *= 2; changed {
			interval = firstPause
		}
		interval = min(interval, 2*lastPause)
	}
}
