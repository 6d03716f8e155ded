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
	"time"

	"github.com/godbus/dbus/v5"
)

// patience bounds every wait for an outside program on a busy machine.
const patience = time.Minute

// password opens the throwaway keyring.
const password = "throwaway"

const (
	secretsName  = "org.freedesktop.secrets"
	prompterName = "org.gnome.keyring.SystemPrompter"
	secretsPath  = dbus.ObjectPath("/org/freedesktop/secrets")
	loginPath    = secretsPath + "/collection/login"
)

// Options of Start.
type Options struct {
	// Prompts starts an X server and lets gcr-prompter show prompts on it.
	Prompts bool
	// Screen starts an X server alone.
	Screen bool
	// NoService starts the bus alone; Restart starts the keyring later.
	NoService bool
}

// Keyring is a running bus with a running keyring. Its methods end the test when
// they fail. Nothing restarts the keyring by itself after Kill.
type Keyring struct {
	t       testing.TB
	dir     string
	env     []string
	address string
	bus     *process
	daemon  *process
}

// Start starts a bus and an unlocked keyring, and points this process's
// environment to them for the length of the test. When a program is missing, it
// skips the test, or fails it when the environment has CI=true.
func Start(t *testing.T, o Options) *Keyring {
	t.Helper()
	need := []string{"dbus-daemon"}
	if !o.NoService {
		need = append(need, "gnome-keyring-daemon")
	}
	if o.Prompts {
		need = append(need, "Xvfb", prompter())
	}
	Need(t, need...)
	k := &Keyring{t: t, dir: shortDir(t)}
	k.env = k.environment()
	if o.Prompts || o.Screen {
		k.startDisplay()
	}
	k.startBus(o.Prompts)
	for _, v := range []string{"HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS"} {
		t.Setenv(v, k.lookup(v))
	}
	if !o.NoService {
		k.Restart()
	}
	return k
}

// Need skips the test when a program is missing, or fails it when CI=true.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed, and CI=true", p)
		}
		t.Skipf("%s is not installed", p)
	}
}

// prompter finds gcr-prompter, which no distribution puts into the path.
func prompter() string {
	for _, p := range []string{"/usr/libexec/gcr-prompter", "/usr/lib/gcr/gcr-prompter"} {
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	return "gcr-prompter"
}

// shortDir is a temporary directory short enough for the 108 bytes of a unix
// socket's name, which t.TempDir may exceed.
func shortDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "kr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// environment is this process's without its desktop.
func (k *Keyring) environment() []string {
	drop := []string{"DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "GNOME_KEYRING_CONTROL"}
	var env []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if !slices.Contains(drop, name) && name != "HOME" && !strings.HasPrefix(name, "XDG_") {
			env = append(env, e)
		}
	}
	home, runtime := filepath.Join(k.dir, "home"), filepath.Join(k.dir, "run")
	for _, d := range []string{filepath.Join(home, ".local", "share"), runtime} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			k.t.Fatal(err)
		}
	}
	return append(env, "HOME="+home, "XDG_RUNTIME_DIR="+runtime,
		"XDG_DATA_HOME="+filepath.Join(home, ".local", "share"),
		"XDG_CONFIG_HOME="+filepath.Join(home, ".config"),
		"XDG_CACHE_HOME="+filepath.Join(home, ".cache"))
}

func (k *Keyring) lookup(name string) string {
	for _, e := range k.env {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

// Env returns a whole environment for a program that shall use this keyring.
func (k *Keyring) Env() []string { return slices.Clone(k.env) }

func (k *Keyring) startDisplay() {
	k.t.Helper()
	_, number := start(k.t, k.env, "", "Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp")
	k.env = append(k.env, "DISPLAY=:"+number)
}

// busConfig has no service directory but the test's own, so that D-Bus does not
// start a fresh, locked keyring in the place of a killed one.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <servicedir>%s</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`

func (k *Keyring) startBus(prompts bool) {
	k.t.Helper()
	services := filepath.Join(k.dir, "services")
	if err := os.MkdirAll(services, 0o700); err != nil {
		k.t.Fatal(err)
	}
	if prompts {
		k.write(filepath.Join(services, "prompter.service"),
			fmt.Sprintf("[D-BUS Service]\nName=%s\nExec=%s\n", prompterName, prompter()))
	}
	config := filepath.Join(k.dir, "bus.conf")
	k.write(config, fmt.Sprintf(busConfig, filepath.Join(k.lookup("XDG_RUNTIME_DIR"), "bus"), services))
	k.bus, k.address = start(k.t, k.env, "", "dbus-daemon", "--config-file="+config, "--nofork", "--print-address=3")
	k.env = append(k.env, "DBUS_SESSION_BUS_ADDRESS="+k.address)
}

func (k *Keyring) write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// Restart kills the keyring if it runs, starts it again on the same home, and
// waits until its login collection is unlocked.
func (k *Keyring) Restart() {
	k.t.Helper()
	k.Kill()
	k.daemon, _ = start(k.t, k.env, password, "gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	k.until("the keyring is unlocked", func(ctx context.Context, c *dbus.Conn) bool {
		locked, err := k.locked(ctx, c)
		return err == nil && !locked
	})
}

// RestartLocked is Restart that leaves the login collection locked, as a session
// started by automatic log-in does.
func (k *Keyring) RestartLocked() {
	k.t.Helper()
	k.Kill()
	k.daemon, _ = start(k.t, k.env, "", "gnome-keyring-daemon", "--foreground", "--components=secrets")
	k.until("the keyring is there", func(ctx context.Context, c *dbus.Conn) bool {
		locked, err := k.locked(ctx, c)
		return err == nil && locked
	})
}

// RestartFresh starts the keyring as for a new user: without any keyring to keep
// secrets in.
func (k *Keyring) RestartFresh() {
	k.t.Helper()
	k.Kill()
	if err := os.RemoveAll(filepath.Join(k.lookup("XDG_DATA_HOME"), "keyrings")); err != nil {
		k.t.Fatal(err)
	}
	k.daemon, _ = start(k.t, k.env, "", "gnome-keyring-daemon", "--foreground", "--components=secrets")
	k.until("the keyring is there", func(ctx context.Context, c *dbus.Conn) bool {
		owned, err := hasOwner(ctx, c, secretsName)
		return err == nil && owned
	})
}

// Kill kills the keyring (SIGKILL) and waits until the bus has noticed.
func (k *Keyring) Kill() {
	k.t.Helper()
	if k.daemon == nil {
		return
	}
	k.daemon.kill()
	k.daemon = nil
	k.until("the bus forgets the keyring", func(ctx context.Context, c *dbus.Conn) bool {
		owned, err := hasOwner(ctx, c, secretsName)
		return err == nil && !owned
	})
}

// PID returns the process id of the keyring.
func (k *Keyring) PID() int { return k.daemon.cmd.Process.Pid }

// KillBus kills the session bus.
func (k *Keyring) KillBus() { k.bus.kill() }

// Lock locks the login collection.
func (k *Keyring) Lock() {
	k.t.Helper()
	k.with(func(ctx context.Context, c *dbus.Conn) {
		call := c.Object(secretsName, secretsPath).CallWithContext(ctx,
			"org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{loginPath})
		if call.Err != nil {
			k.t.Fatal("lock:", call.Err)
		}
		if locked, err := k.locked(ctx, c); err != nil || !locked {
			k.t.Fatalf("the collection is not locked: %v, %v", locked, err)
		}
	})
}

// Prompting reports whether a prompter runs on this bus.
func (k *Keyring) Prompting() bool {
	k.t.Helper()
	var owned bool
	k.with(func(ctx context.Context, c *dbus.Conn) {
		var err error
		if owned, err = hasOwner(ctx, c, prompterName); err != nil {
			k.t.Fatal(err)
		}
	})
	return owned
}

func (k *Keyring) locked(ctx context.Context, c *dbus.Conn) (bool, error) {
	return collectionLocked(ctx, c, loginPath)
}

func collectionLocked(ctx context.Context, c *dbus.Conn, path dbus.ObjectPath) (bool, error) {
	var v dbus.Variant
	err := c.Object(secretsName, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		"org.freedesktop.Secret.Collection", "Locked").Store(&v)
	if err != nil {
		return false, err
	}
	locked, ok := v.Value().(bool)
	if !ok {
		return false, fmt.Errorf("property Locked is %v", v)
	}
	return locked, nil
}

func hasOwner(ctx context.Context, c *dbus.Conn, name string) (owned bool, err error) {
	err = c.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, name).Store(&owned)
	return owned, err
}

// BusPID returns the process id of the session bus.
func (k *Keyring) BusPID() int { return k.bus.cmd.Process.Pid }
