//go:build systray

package tray

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// The panel code of Windows and macOS, built for Linux, in a real panel: icons,
// texts, clicks, and the end with the daemon. It shares the model of the menu with
// every system, and so do these tests.
func TestSystrayInARealPanel(t *testing.T) {
	desk := newDesktop(t, 0.95)
	daemon := newDouble(t)
	tray := startTray(t, daemon, desk.env...)
	for level, c := range byLevel {
		daemon.set(snapshotOf(c))
		screen, _ := desk.visible(t, level, 0)
		keep(t, fmt.Sprintf("systray-%v.png", level), screen, panelArea)
	}
	daemon.set(snapshotOf(&health.VaultLocked))
	_, at := desk.visible(t, health.NeedsUser, 0)

	conn, err := dbus.Connect(desk.bus.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	item := &shownItem{conn, fmt.Sprintf("%s-%d-1", itemFace, tray.cmd.Process.Pid)}
	head := []string{"[Audiobookshelf as home: the keychain is locked]", `[unlock it, or run "shelfkeeper reauth" to be asked]`}
	tail := []string{"---", "Open Audiobookshelf", "Re-authenticate", "Players", "Copy player address", "Pause until tomorrow",
		"Pause until resumed", "---", "Status page", "Check-up", "Quit"}
	eventually(t, "the texts", item.reads(append(append([]string{}, head...), tail...)...))

	desk.openMenu(t, at, "systray-menu.png")
	desk.run(t, "xdotool", "key", "Down", "Return")
	eventually(t, "opened", tray.out.has("open http://127.0.0.1:13379?full", 1))
	item.click(t, "Players")
	eventually(t, "the players", tray.out.has("open "+pageLink+"?part=players", 1))

	daemon.answers(func(context.Context) error {
		return problem.Newf(problem.Rejected, "run `shelfkeeper login`", "the server refused the stored password")
	})
	item.click(t, "Re-authenticate")
	trouble := `[Re-authenticating did not work: the server refused the stored password → run "shelfkeeper login"]`
	eventually(t, "what came of it", item.reads(append(append(append([]string{}, head...), trouble), tail...)...))
	if daemon.reauths() != 1 {
		t.Errorf("asked %d times", daemon.reauths())
	}
	item.click(t, "Quit")
	eventually(t, "the daemon is asked to quit", func() error {
		if daemon.quitted() != 1 {
			return errors.New("it is not")
		}
		return nil
	})
	daemon.end(t)
	if code := tray.code(t); code != 0 {
		t.Errorf("ended with %d", code)
	}
}
