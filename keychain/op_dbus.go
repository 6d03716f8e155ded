//go:build !windows && !darwin

package keychain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/godbus/dbus/v5"
	ss "github.com/zalando/go-keyring/secret_service"
)

// operate performs a call. keep says that the service knows this process by its
// connection, so that another one would have to be granted access anew.
func operate(ctx context.Context, op callOp) (value string, keep bool, err error) {
	if err := pinBus(); err != nil {
		return "", false, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	bus, err := ss.NewSecretService()
	if err != nil {
		return "", false, probeError(ctx, err)
	}
	s := &secrets{Conn: bus.Conn, op: op}
	switch op.Op {
	case opGet:
		value, err = s.get(ctx)
	case opSet:
		err = s.set(ctx)
	default:
		err = s.delete(ctx)
	}
	return value, s.byConnection(), err
}

// pinBus makes sure that godbus finds a bus without starting dbus-launch, which
// would leave a bus of its own behind, also when a person runs the child.
func pinBus() error {
	address, err := busAddress()
	if err != nil {
		return err
	}
	return os.Setenv(busVariable, address)
}

// classifyPlatform goes by D-Bus error names; go-keyring's own errors are plain
// texts.
func classifyPlatform(err error) opCode {
	var byValue dbus.Error
	var byPointer *dbus.Error
	name := ""
	switch {
	case errors.As(err, &byValue):
		name = byValue.Name
	case errors.As(err, &byPointer):
		name = byPointer.Name
	}
	// dbus-daemon has one name for "did not answer in time" and for "died before
	// it answered".
	if name == "org.freedesktop.DBus.Error.NoReply" && strings.Contains(err.Error(), "disconnected") {
		return opAbsent
	}
	switch name {
	case "org.freedesktop.Secret.Error.IsLocked":
		return opLocked
	case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Timeout", "org.freedesktop.DBus.Error.TimedOut":
		return opHanging
	case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.Disconnected", "org.freedesktop.DBus.Error.NoServer":
		return opAbsent
	}
	switch {
	case strings.HasPrefix(name, "org.freedesktop.DBus.Error.Spawn."):
		return opAbsent
	case name != "":
		return opDenied
	case errors.Is(err, dbus.ErrClosed), errors.Is(err, io.EOF), errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrClosed):
		return opAbsent
	case strings.Contains(err.Error(), "failed to unlock"): // secret_service.go, Unlock
		return opLocked
	}
	return opDenied
}
