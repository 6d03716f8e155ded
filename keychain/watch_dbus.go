//go:build !windows && !darwin

package keychain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/daemon/pathwatch"
)

const (
	// watchSettle is how long a burst of signals may last: a service that starts
	// says ten things at once.
	watchSettle = 200 * time.Millisecond
	// watchRetry is the pause before the next look for a session bus. A vault that
	// is unavailable is tried again by its user anyway.
	watchRetry = 30 * time.Second
	// busBegins is the time from a socket's coming to a daemon that listens on it.
	busBegins = time.Second
	// locksLimit bounds the questions to a service that has just said something.
	locksLimit = time.Second

	ownerChanged = "org.freedesktop.DBus.NameOwnerChanged"
	// collectionChanged comes from KWallet and KeePassXC at every write, too. Taken for
	// news, it would have a write that fails tried again at once, for ever.
	collectionChanged = secretsIface + ".CollectionChanged"
)

// Signals reports whether Watch hears of the platform's keychain at all.
const Signals = true

// Watch calls changed when the secrets service of the desktop has come or gone, or
// a collection was locked, unlocked, made or removed, until ctx ends. It hears
// of it from the service's own signals. It asks for nothing that is locked, hence
// raises no prompt.
func Watch(ctx context.Context, changed func()) {
	for ctx.Err() == nil {
		watchBus(ctx, changed)
		awaitBus(ctx)
	}
}

// awaitBus returns when it is time to look for a session bus again: when its socket
// comes into being, where the path of that is known, or after a pause.
func awaitBus(ctx context.Context) {
	retry, path := watchRetry, ""
	if at := os.Getenv(busVariable); at == "" || at == "autolaunch:" {
		if path = os.Getenv("XDG_RUNTIME_DIR"); path != "" {
			path = filepath.Join(path, "bus")
		}
	}
	watch := pathwatch.New(path) // before the look, so that nothing falls between
	defer watch.Close()
	if _, err := os.Stat(path); err != nil && watch != nil {
		retry = 0 // nothing has to wake up for it
	}
	if watch.Wait(ctx, retry) {
		pathwatch.Pause(ctx, busBegins)
	}
}

// watchBus is Watch as long as the session bus lives; it returns at once where
// there is none.
func watchBus(ctx context.Context, changed func()) {
	conn, err := listenOnBus(ctx)
	if err != nil {
		return
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, 64)
	conn.Signal(signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, secretsName)},
		{dbus.WithMatchInterface(secretsIface), dbus.WithMatchPathNamespace(secretsPath)},
		{dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchPathNamespace(secretsPath)},
		{dbus.WithMatchInterface(walletIface)},
	} {
		if conn.AddMatchSignalContext(ctx, match...) != nil {
			return
		}
	}
	var settled <-chan time.Time
	certain, before := false, locks(ctx, conn)
	for {
		select {
		case <-ctx.Done():
			return
		case <-conn.Context().Done():
			return
		case s, open := <-signals:
			if !open {
				return
			}
			if !concerns(s) {
				continue
			}
			if certain = certain || s.Name != collectionChanged; settled == nil {
				settled = time.After(watchSettle)
			}
		case <-settled:
			now := locks(ctx, conn)
			if certain || now != before {
				changed()
			}
			settled, certain, before = nil, false, now
		}
	}
}

// locks says which collections there are and which are locked. It starts no service.
func locks(ctx context.Context, conn *dbus.Conn) string {
	ctx, cancel := context.WithTimeout(ctx, locksLimit)
	defer cancel()
	const get = "org.freedesktop.DBus.Properties.Get"
	var v dbus.Variant
	call := conn.Object(secretsName, secretsPath).CallWithContext(ctx, get, dbus.FlagNoAutoStart, secretsIface, "Collections")
	if call.Store(&v) != nil {
		return ""
	}
	var all strings.Builder
	paths, _ := v.Value().([]dbus.ObjectPath)
	for _, path := range paths {
		err := conn.Object(secretsName, path).CallWithContext(ctx, get, dbus.FlagNoAutoStart, collectionIface, "Locked").Store(&v)
		fmt.Fprintln(&all, path, v, err)
	}
	return all.String()
}

// listenOnBus connects to the session bus for as long as ctx lasts.
func listenOnBus(ctx context.Context) (*dbus.Conn, error) {
	address, err := busAddress()
	if err != nil {
		return nil, err
	}
	dialing, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var conn *dbus.Conn
	for one := range strings.SplitSeq(address, ";") {
		if conn, err = dbus.Dial(one, dbus.WithContext(ctx)); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(dialing, func() { _ = conn.Close() })
	if err = conn.Auth(nil); err == nil {
		err = conn.Hello()
	}
	if !stop() && err == nil {
		err = errors.New("the session bus does not answer")
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// concerns reports whether a signal may mean that the keychain can be used now, or
// can no longer. Items come and go with every write of ours.
func concerns(s *dbus.Signal) bool {
	switch s.Name {
	case ownerChanged, walletIface + ".walletOpened", walletIface + ".walletClosed", walletIface + ".walletCreated",
		secretsIface + ".CollectionCreated", secretsIface + ".CollectionDeleted", collectionChanged:
		return true
	case "org.freedesktop.DBus.Properties.PropertiesChanged":
		if len(s.Body) < 2 {
			return false
		}
		values, _ := s.Body[1].(map[string]dbus.Variant)
		_, locked := values["Locked"]
		_, collections := values["Collections"]
		return s.Body[0] == collectionIface && locked || s.Body[0] == secretsIface && collections
	}
	return false
}
