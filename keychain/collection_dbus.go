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

// The keychains that are known, as a person knows them.
const (
	gnomeKeyring = "gnome-keyring"
	kWallet      = "KWallet"
	keePassXC    = "KeePassXC"
)

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
		"gnome-keyring": gnomeKeyring, "kwalletd": kWallet, "ksecretd": kWallet, "keepassxc": keePassXC,
	} {
		if strings.HasPrefix(string(comm), prefix) {
			return program
		}
	}
	return ""
}

// createCollection lets the service ask the user for a new default collection, with
// a prompt of its own. The user has just asked for something that needs one.
func createCollection(ctx context.Context, conn *dbus.Conn) error {
	const label = collectionIface + ".Label"
	var made, prompt dbus.ObjectPath
	call := conn.Object(secretsName, secretsPath).CallWithContext(ctx, secretsIface+".CreateCollection", 0,
		map[string]dbus.Variant{label: dbus.MakeVariant("Default keyring")}, "default")
	if err := call.Store(&made, &prompt); err != nil {
		return probeError(ctx, err)
	}
	if prompt == noPrompt {
		return nil
	}
	dismissed, _, err := answered(ctx, conn, "", prompt)
	switch {
	case err != nil:
		return probeError(ctx, err)
	case dismissed:
		return fmt.Errorf("%w: the prompt for a new keyring was dismissed", ErrDenied)
	}
	return nil
}

// errServiceEnded: whoever waits for a prompt of the service waits in vain.
var errServiceEnded = fmt.Errorf("%w: the secrets service ended while its prompt was awaited", ErrAbsent)

// answered shows a prompt of the program that is the service, and waits for its
// end. It ends with ctx, and with the service.
func answered(ctx context.Context, conn *dbus.Conn, program string, prompt dbus.ObjectPath) (dismissed bool, result dbus.Variant,
	err error) {
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	defer conn.RemoveSignal(signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchInterface(promptIface), dbus.WithMatchMember("Completed"), dbus.WithMatchObjectPath(prompt)},
		{dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, secretsName)},
	} {
		if err := conn.AddMatchSignalContext(ctx, match...); err != nil {
			return false, result, err
		}
		defer func() { _ = conn.RemoveMatchSignal(match...) }()
	}
	object := conn.Object(secretsName, prompt)
	if err := object.CallWithContext(ctx, promptIface+".Prompt", 0, "").Err; err != nil {
		return false, result, err
	}
	for {
		select {
		case s, open := <-signals:
			switch {
			case !open:
				return false, result, dbus.ErrClosed
			case s.Path == prompt && s.Name == promptIface+".Completed" && len(s.Body) == 2:
				dismissed, _ = s.Body[0].(bool)
				result, _ = s.Body[1].(dbus.Variant)
				return dismissed, result, nil
			case s.Name == ownerChanged && len(s.Body) == 3 && s.Body[1] != "": // "" before: D-Bus has just started it
				return false, result, errServiceEnded
			}
		case <-ctx.Done():
			if program != keePassXC { // its dialog stays; an answer that comes late shall count
				object.Go(promptIface+".Dismiss", dbus.FlagNoReplyExpected, nil)
			}
			return false, result, fmt.Errorf("%w: its prompt was not answered in time", ErrHanging)
		}
	}
}
