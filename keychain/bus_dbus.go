//go:build !windows && !darwin

package keychain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// probeTimeout bounds a look at the keychain. It is shorter than a call with a
// prompt, since nothing in it waits for a person; D-Bus may have to start the
// service.
const probeTimeout = callTimeout

var errNoBus = errors.New("no session bus: DBUS_SESSION_BUS_ADDRESS is not set, and there is no $XDG_RUNTIME_DIR/bus")

// busAddress finds the session bus without starting one.
func busAddress() (string, error) {
	if address := os.Getenv(busVariable); address != "" && address != "autolaunch:" {
		return address, nil
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return "", errNoBus
	}
	path := filepath.Join(dir, "bus")
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeSocket == 0 {
		return "", errNoBus
	}
	return "unix:path=" + dbus.EscapeBusAddressValue(path), nil
}

// present finds out, without asking the service itself, whether there is one on
// the session bus of that address. It returns nil, ErrAbsent, ErrDenied or
// ErrHanging.
func present(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := dialBus(ctx, address)
	if err != nil {
		return probeError(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	if err := serviceThere(ctx, conn); err != nil {
		return probeError(ctx, err)
	}
	return nil
}

// probeError makes err one of the conditions.
func probeError(ctx context.Context, err error) error {
	switch {
	case isCondition(err):
		return err
	case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: the session bus or the secrets service is silent", ErrHanging)
	}
	switch classifyPlatform(err) {
	case opHanging:
		return fmt.Errorf("%w: %w", ErrHanging, err)
	case opLocked:
		return fmt.Errorf("%w: %w", ErrLocked, err)
	case opDenied:
		var name dbus.Error
		if errors.As(err, &name) {
			return fmt.Errorf("%w: %w", ErrDenied, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrAbsent, err)
}

// serviceThere returns ErrAbsent unless the service runs or D-Bus can start it.
func serviceThere(ctx context.Context, conn *dbus.Conn) error {
	const bus = "org.freedesktop.DBus"
	var owned bool
	if err := conn.BusObject().CallWithContext(ctx, bus+".NameHasOwner", 0, secretsName).Store(&owned); err != nil {
		return err
	}
	if owned {
		return nil
	}
	var names []string
	if err := conn.BusObject().CallWithContext(ctx, bus+".ListActivatableNames", 0).Store(&names); err != nil {
		return err
	}
	if !slices.Contains(names, secretsName) {
		return fmt.Errorf("%w: no secrets service runs on the session bus", ErrAbsent)
	}
	return nil
}

// dialBus connects to the first address of the list that answers. It dials
// itself, since godbus connects without a deadline.
func dialBus(ctx context.Context, addresses string) (*dbus.Conn, error) {
	var failed error
	for address := range strings.SplitSeq(addresses, ";") {
		conn, err := dialOne(ctx, address)
		if err == nil {
			return conn, nil
		}
		if failed == nil {
			failed = err
		}
	}
	return nil, failed
}

func dialOne(ctx context.Context, address string) (*dbus.Conn, error) {
	network, target, err := parseBusAddress(address)
	if err != nil {
		return nil, err
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, network, target)
	if err != nil {
		return nil, fmt.Errorf("connect to the session bus: %w", err)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(probeTimeout)
	}
	var conn *dbus.Conn
	if err = raw.SetDeadline(deadline); err == nil {
		if unix, ok := raw.(*net.UnixConn); ok {
			conn, err = dbus.DialUnix(unix, dbus.WithContext(ctx))
		} else {
			conn, err = dbus.NewConn(raw, dbus.WithContext(ctx))
		}
	}
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	if err = conn.Auth(nil); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("sign in to the session bus: %w", err)
	}
	return conn, nil
}

// parseBusAddress reads one address of the D-Bus specification, "Server
// Addresses": unix:path=, unix:abstract=, unix:runtime=yes, tcp:host=,port=.
func parseBusAddress(address string) (network, target string, err error) {
	transport, list, _ := strings.Cut(address, ":")
	keys := map[string]string{}
	for pair := range strings.SplitSeq(list, ",") {
		k, v, _ := strings.Cut(pair, "=")
		if keys[k], err = url.PathUnescape(v); err != nil {
			return "", "", fmt.Errorf("address of the session bus: %w", err)
		}
	}
	switch {
	case transport == "unix" && keys["path"] != "":
		return "unix", keys["path"], nil
	case transport == "unix" && keys["abstract"] != "":
		return "unix", "@" + keys["abstract"], nil
	case transport == "unix" && keys["runtime"] == "yes":
		return "unix", filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus"), nil
	case transport == "tcp" && keys["port"] != "":
		return "tcp", net.JoinHostPort(keys["host"], keys["port"]), nil
	}
	return "", "", fmt.Errorf("session bus with a %q address is not supported", transport)
}
