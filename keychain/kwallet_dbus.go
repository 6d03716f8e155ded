//go:build !windows && !darwin

package keychain

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
)

// walletIface is KWallet's own interface.
const walletIface = "org.kde.KWallet"

// wallets are the services that have it, the newest first, by the name and the
// object of each.
var wallets = []struct {
	name string
	path dbus.ObjectPath
}{
	{"org.kde.kwalletd6", "/modules/kwalletd6"},
	{"org.kde.kwalletd5", "/modules/kwalletd5"},
}

// walletBridge is the name of the process that offers KWallet as a secrets service
// since KDE Frameworks 6.13; before, kwalletd does itself.
const walletBridge = "org.kde.secretservicecompat"

// openWalletLimit bounds an unlocking that needs no dialog.
const openWalletLimit = 2 * time.Second

// unlockOpenWallet unlocks a collection of KWallet whose wallet is open already:
// by PAM at login, or by another program. Its secrets service says "locked" of it
// until one client has asked it to unlock, for which no dialog is due then. It
// reports whether the collection is unlocked now; false for every other service.
func unlockOpenWallet(ctx context.Context, conn *dbus.Conn, collection dbus.ObjectPath) (bool, error) {
	label, err := property[string](ctx, conn, collection, collectionIface+".Label")
	if err != nil || !walletOpen(ctx, conn, label) {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, openWalletLimit)
	defer cancel()
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	call := conn.Object(secretsName, secretsPath).CallWithContext(ctx, secretsIface+".Unlock", 0, []dbus.ObjectPath{collection})
	if err := call.Store(&unlocked, &prompt); err != nil {
		return false, err
	}
	if prompt != noPrompt {
		// A dialog would be due only if the wallet was closed between the two questions.
		if dismissed, _, err := answered(ctx, conn, kWallet, prompt); dismissed || ctx.Err() != nil {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	locked, err := property[bool](ctx, conn, collection, collectionIface+".Locked")
	return err == nil && !locked, err
}

// walletOpen reports whether the secrets service is KWallet and the wallet is
// open.
func walletOpen(ctx context.Context, conn *dbus.Conn, wallet string) bool {
	owner := ownerOf(ctx, conn, secretsName)
	for _, w := range wallets {
		at := ownerOf(ctx, conn, w.name)
		if at == "" || at != owner && ownerOf(ctx, conn, walletBridge) != owner {
			continue
		}
		var open bool
		err := conn.Object(w.name, w.path).CallWithContext(ctx, walletIface+".isOpen", dbus.FlagNoAutoStart, wallet).Store(&open)
		return err == nil && open
	}
	return false
}

// ownerOf returns the connection that has a name, "" for none.
func ownerOf(ctx context.Context, conn *dbus.Conn, name string) (owner string) {
	if conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, name).Store(&owner) != nil {
		return ""
	}
	return owner
}
