//go:build linux

package keyringtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// KeePassXC is a running bus with a real KeePassXC on an X server. Its methods end
// the test when they fail.
type KeePassXC struct{ k *Keyring }

// database has one group, which KeePassXC exposes to other programs.
const database = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<KeePassFile><Meta><DatabaseName>throwaway</DatabaseName><CustomData><Item>
<Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{00112233-4455-6677-8899-aabbccddeeff}</Value>
</Item></CustomData></Meta><Root><Group><UUID>AAECAwQFBgcICQoLDA0ODw==</UUID><Name>Root</Name>
<Group><UUID>ABEiM0RVZneImaq7zN3u/w==</UUID><Name>secrets</Name></Group></Group></Root></KeePassFile>
`

// StartKeePassXC is Start with KeePassXC instead of gnome-keyring, with its
// database open. confirm is its setting "Confirm when passwords are retrieved by
// clients", which is on unless the user turned it off.
func StartKeePassXC(t *testing.T, confirm bool) *KeePassXC {
	t.Helper()
	Need(t, "keepassxc", "keepassxc-cli", "Xvfb", "xdotool")
	k := &KeePassXC{k: Start(t, Options{NoService: true, Screen: true})}
	k.k.env = append(k.k.env, "TMPDIR="+k.k.dir, "QT_QPA_PLATFORM=xcb") // its lock lies in TMPDIR
	config := filepath.Join(k.k.lookup("XDG_CONFIG_HOME"), "keepassxc")
	if err := os.MkdirAll(config, 0o700); err != nil {
		t.Fatal(err)
	}
	k.k.write(filepath.Join(config, "keepassxc.ini"), fmt.Sprintf("[General]\nConfigVersion=2\nUpdateCheckMessageShown=true\n"+
		"[FdoSecrets]\nEnabled=true\nConfirmAccessItem=%v\nConfirmDeleteItem=true\nShowNotification=false\n"+
		"[GUI]\nCheckForUpdates=false\n", confirm))
	xml := filepath.Join(k.k.dir, "db.xml")
	k.k.write(xml, database)
	cmd := exec.Command("keepassxc-cli", "import", "-q", "-p", xml, k.file())
	cmd.Env, cmd.Stdin = k.k.env, strings.NewReader(password+"\n"+password+"\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make the database: %v\n%s", err, out)
	}
	k.Restart()
	return k
}

func (k *KeePassXC) file() string { return filepath.Join(k.k.dir, "db.kdbx") }

// Kill ends KeePassXC as the kernel does, and waits until the bus has noticed.
func (k *KeePassXC) Kill() { k.k.Kill() }

// Restart starts KeePassXC with its database open, after killing it if it runs.
func (k *KeePassXC) Restart() {
	k.k.t.Helper()
	k.Kill()
	config := filepath.Join(k.k.lookup("XDG_CONFIG_HOME"), "keepassxc")
	k.k.daemon, _ = start(k.k.t, k.k.env, password+"\n", "keepassxc", "--config", filepath.Join(config, "keepassxc.ini"),
		"--localconfig", filepath.Join(config, "local.ini"), "--pw-stdin", k.file())
	k.k.until("KeePassXC has opened its database", func(ctx context.Context, c *dbus.Conn) bool {
		locked, err := k.locked(ctx, c)
		return err == nil && !locked
	})
}

func (k *KeePassXC) locked(ctx context.Context, c *dbus.Conn) (bool, error) {
	return collectionLocked(ctx, c, secretsPath+"/collection/db")
}

// Lock locks the database, as its user does or the time.
func (k *KeePassXC) Lock() {
	k.k.t.Helper()
	k.k.with(func(ctx context.Context, c *dbus.Conn) {
		var locked []dbus.ObjectPath
		var prompt dbus.ObjectPath
		err := c.Object(secretsName, secretsPath).CallWithContext(ctx, "org.freedesktop.Secret.Service.Lock", 0,
			[]dbus.ObjectPath{secretsPath + "/collection/db"}).Store(&locked, &prompt)
		if err == nil && prompt != "/" {
			err = c.Object(secretsName, prompt).CallWithContext(ctx, "org.freedesktop.Secret.Prompt.Prompt", 0, "").Err
		}
		if err != nil {
			k.k.t.Fatal("lock:", err)
		}
	})
	k.k.until("the database is locked", func(ctx context.Context, c *dbus.Conn) bool {
		locked, err := k.locked(ctx, c)
		return err == nil && locked
	})
}

// Windows lists the titles of the windows on the screen, the main one's left out.
func (k *KeePassXC) Windows() []string {
	k.k.t.Helper()
	cmd := exec.Command("xdotool", "search", "--onlyvisible", "--name", ".")
	cmd.Env = k.k.env
	out, _ := cmd.Output() // it fails when there is none
	var titles []string
	for id := range strings.FieldsSeq(string(out)) {
		name := exec.Command("xdotool", "getwindowname", id)
		name.Env = k.k.env
		title, err := name.Output()
		text := strings.TrimSpace(string(title))
		if err == nil && text != "" && !strings.HasPrefix(text, "db.kdbx") && !strings.HasPrefix(text, "throwaway") {
			titles = append(titles, text)
		}
	}
	return titles
}

// accessRequest is the title of the dialog in which KeePassXC asks its user.
const accessRequest = "Access Request"

// Asking reports whether that dialog is on the screen.
func (k *KeePassXC) Asking() bool {
	k.k.t.Helper()
	return slices.ContainsFunc(k.Windows(), func(title string) bool { return strings.Contains(title, accessRequest) })
}

// Unlock types the password into the dialog that opens the database.
func (k *KeePassXC) Unlock() {
	k.k.t.Helper()
	k.k.xdotool("search", "--sync", "--onlyvisible", "--name", "Unlock Database", "windowfocus", "--sync")
	k.k.xdotool("type", "--delay", "20", password)
	k.k.xdotool("key", "Return")
}

// Answer allows what is asked for, and lets KeePassXC remember it, or denies it.
func (k *KeePassXC) Answer(allow bool) {
	k.k.t.Helper()
	key := "Escape"
	if allow {
		key = "Return" // the button "Allow Selected"; "Remember" is ticked
	}
	// No window manager gives the window the focus.
	k.k.xdotool("search", "--sync", "--onlyvisible", "--name", accessRequest, "windowfocus", "--sync")
	k.k.xdotool("key", key)
}
