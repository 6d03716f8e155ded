package tray

import (
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/health"
)

// Plasma and the indicators of Ayatana take icons by name from a folder; every
// other panel takes the pixmaps and must not be led away from them.
func TestIconsByName(t *testing.T) {
	for _, c := range []struct {
		desktop, file string
		scheme        assets.Scheme
	}{
		{"XFCE", "", assets.DarkPanel},
		{"KDE", "hicolor/scalable/status/%s.svg", assets.AnyPanel},
		{"MATE", "hicolor/22x22/status/%s.png", assets.DarkPanel},
		{"Unity:Unity7:ubuntu", "hicolor/22x22/status/%s.png", assets.DarkPanel},
	} {
		t.Run(c.desktop, func(t *testing.T) {
			d, b := newDouble(t), newBus(t)
			b.start(t)
			newPortal(t, b, 1) // dark windows
			h := newHost(t, b, 0)
			startTray(t, d, b.env(), "XDG_CURRENT_DESKTOP="+c.desktop, "XDG_RUNTIME_DIR="+b.dir)
			item := h.item(t)
			for level, condition := range byLevel {
				d.set(snapshotOf(condition))
				eventually(t, level.String(), func() error { return item.shows(level, c.scheme) })
				eventually(t, level.String(), func() error { return namesIcon(item, c.file, level) })
			}
		})
	}
}

func namesIcon(item *shownItem, file string, level health.Level) error {
	var name, attention, dir string
	err := errors.Join(item.property("IconName", &name), item.property("AttentionIconName", &attention),
		item.property("IconThemePath", &dir))
	switch {
	case err != nil:
		return err
	case file == "":
		if name+attention+dir != "" {
			return fmt.Errorf("it is led to %q in %q", name, dir)
		}
		return nil
	case !strings.Contains(name, level.String()) || attention != name:
		return fmt.Errorf("names %q and %q for %v", name, attention, level)
	}
	f, err := os.Open(filepath.Join(dir, fmt.Sprintf(file, name)))
	if err != nil {
		return err
	}
	defer f.Close()
	if strings.HasSuffix(file, ".png") {
		_, err = png.Decode(f)
		return err
	}
	return nil
}

// Where no files can be written the pixmaps are there all the same.
func TestIconsWithoutAFolder(t *testing.T) {
	d, b := newDouble(t), newBus(t)
	b.start(t)
	h := newHost(t, b, 0)
	file := filepath.Join(b.dir, "shelfkeeper")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	startTray(t, d, b.env(), "XDG_CURRENT_DESKTOP=KDE", "XDG_RUNTIME_DIR="+b.dir)
	item := h.item(t)
	eventually(t, "the pixmaps", func() error { return item.shows(health.OK, assets.AnyPanel) })
	var name string
	if err := item.property("IconName", &name); err != nil || name != "" {
		t.Errorf("names %q, %v", name, err)
	}
}
