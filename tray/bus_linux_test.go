package tray

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/health"
)

func TestLateWatcher(t *testing.T) {
	d, b := newDouble(t), newBus(t)
	b.start(t)
	r := startTray(t, d, b.env())
	eventually(t, "it says that there is no panel", func() error {
		if !strings.Contains(r.out.String(), "no panel shows tray icons now") {
			return errors.New("not yet")
		}
		return nil
	})
	h := newHost(t, b, 0)
	item := h.item(t)
	eventually(t, "the icon", func() error { return item.shows(health.OK, assets.AnyPanel) })
	// The panel restarts.
	h.leave()
	second := newHost(t, b, 0)
	second.item(t).click(t, "Copy")
	eventually(t, "copied", r.out.has("copy http://127.0.0.1:13379", 1))
	// A panel whose watcher takes its name before it can register anything.
	second.leave()
	third := newHost(t, b, 1)
	item = third.item(t)
	eventually(t, "the icon", func() error { return item.shows(health.OK, assets.AnyPanel) })
	if n := strings.Count(r.out.String(), "level=INFO"); n != 1 {
		t.Errorf("%d lines for a person, want the one about the missing panel", n)
	}
}

func TestBusDeathEndsTheTrayWithItsCode(t *testing.T) {
	d, b, _, item, r := shown(t)
	d.set(snapshotOf(&health.ServerUnreachable))
	eventually(t, "offline", func() error { return item.shows(health.Offline, assets.AnyPanel) })
	b.die(t)
	d.set(snapshotOf(nil)) // would set an icon on the dead bus
	if code := r.code(t); code != int(CodeBusLost) {
		t.Errorf("ended with %d", code)
	}
	if out := r.out.String(); strings.Contains(out, "panic") || strings.Contains(out, "goroutine ") {
		t.Errorf("it crashed:\n%s", out)
	}
}

func TestTrayWaitsForABus(t *testing.T) {
	d, b := newDouble(t), newBus(t)
	// The second directory of the path does not exist either.
	b.path = filepath.Join(b.dir, "run", "bus")
	if err := os.WriteFile(filepath.Join(b.dir, "bus.conf"), fmt.Appendf(nil, busConfig, b.path), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startTray(t, d, "XDG_RUNTIME_DIR="+filepath.Dir(b.path))
	eventually(t, "it waits", func() error {
		if !strings.Contains(r.out.String(), "no session bus yet") {
			return errors.New("not yet")
		}
		return nil
	})
	if err := os.Mkdir(filepath.Dir(b.path), 0o700); err != nil {
		t.Fatal(err)
	}
	b.start(t)
	h := newHost(t, b, 0)
	item := h.item(t)
	eventually(t, "the icon", func() error { return item.shows(health.OK, assets.AnyPanel) })
}

func TestNoDesktopAtAll(t *testing.T) {
	d := newDouble(t)
	for desc, env := range map[string][]string{
		"nothing":         nil,
		"display only":    {"DISPLAY=:77"},
		"dead address":    {busVariable + "=unix:path=/nonexistent/bus"},
		"odd address":     {busVariable + "=nonsense"},
		"autolaunch":      {busVariable + "=autolaunch:"},
		"abstract, empty": {busVariable + "=unix:abstract=/shelfkeeper-none"},
	} {
		t.Run(desc, func(t *testing.T) {
			r := startTray(t, d, env...)
			eventually(t, "it waits", func() error {
				if !strings.Contains(r.out.String(), "no session bus yet") {
					return errors.New("not yet")
				}
				return nil
			})
			r.kill(syscall.SIGTERM)
			if code := r.code(t); code != 0 {
				t.Errorf("ended with %d", code)
			}
			if n := strings.Count(r.out.String(), "level=INFO"); n != 1 {
				t.Errorf("%d lines for a person", n)
			}
		})
	}
}

// A bus that is stopped holds every message; the tray must end all the same.
func TestStoppedBusDoesNotHoldTheTray(t *testing.T) {
	d, b, _, _, r := shown(t)
	b.daemon.kill(syscall.SIGSTOP)
	defer b.daemon.kill(syscall.SIGCONT)
	d.set(snapshotOf(&health.ServerUnreachable))
	r.kill(syscall.SIGTERM)
	if code := r.code(t); code != 0 {
		t.Errorf("ended with %d", code)
	}
}
