//go:build linux

package keyringtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"
)

// walletName is the wallet that PAM opens.
const walletName = "kdewallet"

// Wallet is a running bus with a real kwalletd5 (Debian: libkf5wallet-bin), whose
// wallet was opened at login by PAM. Its methods end the test when they fail.
type Wallet struct {
	k      *Keyring
	daemon *process
}

// StartWallet is Start with KWallet instead of gnome-keyring.
func StartWallet(t *testing.T) *Wallet {
	t.Helper()
	Need(t, "kwalletd5")
	w := &Wallet{k: Start(t, Options{NoService: true})}
	w.k.env = append(w.k.env, "QT_QPA_PLATFORM=offscreen", "PAM_KWALLET5_LOGIN=1")
	config, data := w.k.lookup("XDG_CONFIG_HOME"), filepath.Join(w.k.lookup("XDG_DATA_HOME"), "kwalletd")
	for path, text := range map[string]string{
		filepath.Join(config, "kwalletrc"): "[Wallet]\nEnabled=true\nFirst Use=false\nDefault Wallet=" + walletName +
			"\nUse One Wallet=true\n[org.freedesktop.secrets]\napiEnabled=true\n",
		filepath.Join(data, walletName+".salt"): strings.Repeat("s", 56),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		w.k.write(path, text)
	}
	// The first login creates the wallet, which becomes a collection at the next.
	w.Restart()
	w.Close()
	w.Kill()
	w.Restart()
	return w
}

// Kill ends kwalletd5 as the kernel does.
func (w *Wallet) Kill() { w.daemon.kill() }

// Restart starts kwalletd5 as pam_kwallet does, and waits until it has opened the
// wallet.
func (w *Wallet) Restart() {
	t := w.k.t
	t.Helper()
	key, send, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.k.dir, "pam.sock")
	_ = os.Remove(path)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	socket, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("kwalletd5", "--pam-login", "3", "4")
	cmd.Env, cmd.ExtraFiles = w.k.env, []*os.File{key, socket}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.daemon = &process{cmd: cmd}
	t.Cleanup(w.daemon.kill)
	_, _ = key.Close(), socket.Close()
	if _, err := send.Write(bytes.Repeat([]byte("k"), 56)); err != nil {
		t.Fatal(err)
	}
	_ = send.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range w.k.env {
		if _, err := fmt.Fprintln(conn, e); err != nil {
			t.Fatal(err)
		}
	}
	_ = conn.Close()
	w.k.until("kwalletd5 opens the wallet", func(ctx context.Context, c *dbus.Conn) bool {
		var open bool
		err := w.call(ctx, c, "isOpen", walletName).Store(&open)
		return err == nil && open
	})
}

// Close closes the wallet for every program.
func (w *Wallet) Close() {
	w.k.t.Helper()
	w.k.until("the wallet closes", func(ctx context.Context, c *dbus.Conn) bool {
		var left int32
		err := w.call(ctx, c, "close", walletName, true).Store(&left)
		return err == nil
	})
}

func (w *Wallet) call(ctx context.Context, c *dbus.Conn, method string, args ...any) *dbus.Call {
	return c.Object("org.kde.kwalletd5", "/modules/kwalletd5").CallWithContext(ctx, "org.kde.KWallet."+method, 0, args...)
}
