//go:build !windows && !darwin

package keychain

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/godbus/dbus/v5"
)

const promptIface = "org.freedesktop.Secret.Prompt"

// noCollectionError is the error of a service that has no default collection.
func noCollectionError(ctx context.Context, conn *dbus.Conn) error {
	return fmt.Errorf("%w: %w", ErrAbsent, noCollection{programOf(ctx, conn)})
}

// programOf names the program that is the secrets service, "" for an unknown one.
func programOf(ctx context.Context, conn *dbus.Conn) string {
	var pid uint32
	if conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixProcessID", 0, secretsName).Store(&pid) != nil {
		return ""
	}
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	for prefix, program := range map[string]string{
		"gnome-keyring": "gnome-keyring", "kwalletd": "KWallet", "ksecretd": "KWallet", "keepassxc": "KeePassXC",
	} {
		if strings.HasPrefix(string(comm), prefix) {
			return program
		}
	}
	return ""
}

// createCollection lets the service ask the user for a new default collection, with
// a prompt of its own. The user has just asked for something that needs one.
func createCollection(ctx context.Context) error {
	conn, err := listenOnBus(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	defer conn.Close()
	const label = collectionIface + ".Label"
	var made, prompt dbus.ObjectPath
	call := conn.Object(secretsName, secretsPath).CallWithContext(ctx, secretsIface+".CreateCollection", 0,
		map[string]dbus.Variant{label: dbus.MakeVariant("Default keyring")}, "default")
	if err := call.Store(&made, &prompt); err != nil {
		return probeError(ctx, err)
	}
	if prompt == "/" {
		return nil
	}
	dismissed, err := answered(ctx, conn, prompt)
	switch {
	case err != nil:
		return probeError(ctx, err)
	case dismissed:
		return fmt.Errorf("%w: the prompt for a new keyring was dismissed", ErrDenied)
	}
	return nil
}

// answered shows a prompt of the service and waits for its end.
func answered(ctx context.Context, conn *dbus.Conn, prompt dbus.ObjectPath) (dismissed bool, err error) {
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	defer conn.RemoveSignal(signals)
	if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(promptIface), dbus.WithMatchMember("Completed")); err != nil {
		return false, err
	}
	object := conn.Object(secretsName, prompt)
	if err := object.CallWithContext(ctx, promptIface+".Prompt", 0, "").Err; err != nil {
		return false, err
	}
	for {
		select {
		case s, open := <-signals:
			if !open {
				return false, dbus.ErrClosed
			}
			if s.Path == prompt && s.Name == promptIface+".Completed" {
				dismissed, _ = s.Body[0].(bool)
				return dismissed, nil
			}
		case <-ctx.Done():
			_ = object.Call(promptIface+".Dismiss", dbus.FlagNoReplyExpected).Err
			return false, context.Cause(ctx)
		}
	}
}
