package desktop

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// userSystemd stands in for the systemd of a user, which knows the environment of
// the session.
type userSystemd struct{ environment []string }

func (s userSystemd) Get(_, name string) (dbus.Variant, *dbus.Error) {
	if name != "Environment" {
		return dbus.Variant{}, &dbus.ErrMsgUnknownMethod
	}
	return dbus.MakeVariant(s.environment), nil
}

// noScreen is a session bus, in a process that was started before any display.
func noScreen(t *testing.T) *dbus.Conn {
	t.Helper()
	conn := systemBus(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"))
	for _, name := range screenVariables {
		t.Setenv(name, "") // puts back afterwards what the test sets
	}
	return conn
}

// A daemon that was started before the display opens and copies once there is one.
func TestAScreenThatAppearsIsTaken(t *testing.T) {
	conn := noScreen(t)
	out := fakeProgram(t, "xclip")
	if HasScreen() {
		t.Fatal("there is none yet")
	}
	if err := Copy("x"); err == nil || !strings.Contains(err.Error(), ErrNoDesktop.Error()) {
		t.Errorf("copied to nowhere: %v", err)
	}
	systemd := userSystemd{[]string{"PATH=/bin", "DISPLAY=:7", "XAUTHORITY=/run/x", "LD_PRELOAD=/evil"}}
	if err := conn.Export(systemd, "/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName("org.freedesktop.systemd1", 0); err != nil {
		t.Fatal(err)
	}
	if !HasScreen() || os.Getenv("DISPLAY") != ":7" || os.Getenv("XAUTHORITY") != "/run/x" || os.Getenv("LD_PRELOAD") != "" {
		t.Fatalf("DISPLAY %q", os.Getenv("DISPLAY"))
	}
	if err := Copy("http://127.0.0.1:13379"); err != nil {
		t.Fatal(err)
	}
	if said, err := os.ReadFile(out); err != nil || !strings.Contains(string(said), "clipboard") {
		t.Errorf("xclip got %q, %v", said, err)
	}
}

// panelEnv makes the test program a panel.
const panelEnv = "SHELFKEEPER_TEST_PANEL"

// TestHelperPanel is no test but the program that TestTheScreenOfThePanelIsTaken
// starts: it owns a name until its input ends.
func TestHelperPanel(t *testing.T) {
	if os.Getenv(panelEnv) == "" {
		t.Skip("it is started by another test")
	}
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.RequestName("org.kde.StatusNotifierWatcher", 0); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// Where no systemd runs, the panel knows where it draws.
func TestTheScreenOfThePanelIsTaken(t *testing.T) {
	noScreen(t)
	panel := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperPanel$")
	panel.Env = append(os.Environ(), panelEnv+"=1", "WAYLAND_DISPLAY=wayland-7")
	input, err := panel.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := panel.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = input.Close()
		if err := panel.Wait(); err != nil {
			t.Error(err)
		}
	}()
	deadline := time.Now().Add(time.Minute)
	for !HasScreen() {
		if time.Now().After(deadline) {
			t.Fatal("its screen is not taken")
		}
		<-time.After(10 * time.Millisecond)
	}
	if got := os.Getenv("WAYLAND_DISPLAY"); got != "wayland-7" {
		t.Errorf("got %q", got)
	}
}

// What serves the clipboard lives in a session of its own, so that the text is
// there after the tray with its process group has ended.
func TestTheClipboardOutlivesTheProgram(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "session")
	script := "#!/bin/sh\ncat > /dev/null\ncut -d' ' -f5,6 /proc/$$/stat > " + out + "\n"
	if err := os.WriteFile(filepath.Join(dir, "wl-copy"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("WAYLAND_DISPLAY", "wayland-0")
	if err := Copy("http://127.0.0.1:13379"); err != nil {
		t.Fatal(err)
	}
	var group, session, own, ownSession int
	said, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(said), &group, &session); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')'):]))
	if _, err := fmt.Sscan(fields[3]+" "+fields[4], &own, &ownSession); err != nil && len(fields) > 4 {
		t.Fatal(err)
	}
	if group == own || session == ownSession || group != session {
		t.Errorf("it is in group %d and session %d, ours are %d and %d", group, session, own, ownSession)
	}
}
