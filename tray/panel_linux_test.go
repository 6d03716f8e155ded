package tray

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"syscall"
	"testing"

	"shelfkeeper/daemon/health"
)

// panelArea is where the panel of the test's desktop lies.
var panelArea = image.Rect(0, 0, 640, 32)

// The colours by which a person, and this test, tells the icons apart; they are
// those of a light and of a dark panel.
var levelColours = map[health.Level][2]color.NRGBA{
	health.OK:        {{0x2b, 0x30, 0x36, 255}, {0xf4, 0xf5, 0xf7, 255}}, // the books alone
	health.Degraded:  {{0xb4, 0x53, 0x09, 255}, {0xfb, 0xb3, 0x24, 255}},
	health.Offline:   {{0x6c, 0x73, 0x7b, 255}, {0x9a, 0xa1, 0xa9, 255}},
	health.NeedsUser: {{0xc8, 0x1e, 0x1e, 255}, {0xff, 0x5c, 0x55, 255}},
	health.Paused:    {{0x25, 0x63, 0xc9, 255}, {0x6a, 0xa8, 0xff, 255}},
}

// workingColours are those of an icon while a click is obeyed.
var workingColours = [2]color.NRGBA{{0x0e, 0x74, 0x90, 255}, {0x39, 0xc5, 0xdd, 255}}

// visible waits until the panel shows the icon of a level, and returns where.
func (d *desktop) visible(t *testing.T, level health.Level, dark int) (image.Image, image.Point) {
	t.Helper()
	var screen image.Image
	var at image.Point
	eventually(t, "the panel shows "+level.String(), func() error {
		screen = d.screen(t)
		for other, colours := range levelColours {
			n, middle := near(screen, panelArea, colours[dark])
			switch {
			case other == level && n < 20:
				return fmt.Errorf("%d pixels of the colour of %v", n, other)
			case other == level:
				at = middle
			case other != health.Offline && other != health.OK && n > 8: // grey is in edges too, and books are in every icon
				return fmt.Errorf("%d pixels of the colour of %v", n, other)
			}
		}
		return nil
	})
	return screen, at
}

func TestRealPanel(t *testing.T) {
	for dark, panel := range []struct {
		name   string
		grey   float64
		scheme uint32
	}{{"light", 0.95, 2}, {"dark", 0.13, 1}} {
		t.Run(panel.name, func(t *testing.T) {
			desk := newDesktop(t, panel.grey)
			newPortal(t, desk.bus, panel.scheme)
			daemon := newDouble(t)
			tray := startTray(t, daemon, desk.env...)
			for level, c := range byLevel {
				daemon.set(snapshotOf(c))
				screen, _ := desk.visible(t, level, dark)
				keep(t, fmt.Sprintf("panel-%s-%v.png", panel.name, level), screen, panelArea)
			}
			daemon.set(snapshotOf(&health.VaultLocked))
			_, at := desk.visible(t, health.NeedsUser, dark)

			desk.openMenu(t, at, "menu-"+panel.name+".png")
			desk.run(t, "xdotool", "key", "Down", "Return") // the first line that can be chosen
			eventually(t, "opened", tray.out.has("open http://127.0.0.1:13379?full", 1))
			desk.openMenu(t, at, "")
			release := make(chan error)
			daemon.answers(func(ctx context.Context) error {
				select {
				case err := <-release:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			desk.run(t, "xdotool", "key", "Down", "Down", "Return")
			eventually(t, "re-authenticated", func() error {
				if daemon.reauths() != 1 {
					return errors.New("nobody asked")
				}
				return nil
			})
			eventually(t, "the icon shows that it works", func() error {
				screen := desk.screen(t)
				if n, _ := near(screen, panelArea, workingColours[dark]); n < 20 {
					return fmt.Errorf("%d pixels", n)
				}
				keep(t, fmt.Sprintf("panel-%s-working.png", panel.name), screen, panelArea)
				return nil
			})
			release <- nil
			desk.visible(t, health.NeedsUser, dark)
			desk.openMenu(t, at, "menu-"+panel.name+"-done.png")
			desk.run(t, "xdotool", "key", "Down", "Down", "Down", "Return")
			eventually(t, "the players' part of the page", tray.out.has("open "+pageLink+"?part=players", 1))
			desk.openMenu(t, at, "")
			desk.run(t, "xdotool", "key", "Up", "Up", "Up", "Return") // above the check-up and the last line
			eventually(t, "the page", tray.out.has("open "+pageLink, 1))

			desk.panel.kill(syscall.SIGKILL)
			desk.panel.code(t)
			desk.startPanel(t)
			desk.visible(t, health.NeedsUser, dark)
			daemon.set(snapshotOf(nil))
			desk.visible(t, health.OK, dark)
		})
	}
}

// openMenu clicks on the icon and waits until a menu is drawn below the panel.
func (d *desktop) openMenu(t *testing.T, icon image.Point, name string) {
	t.Helper()
	below := image.Rect(0, panelArea.Max.Y, 640, 400)
	empty := fingerprint(d.screen(t), below)
	d.run(t, "xdotool", "mousemove", fmt.Sprint(icon.X), fmt.Sprint(icon.Y), "click", "1")
	last := empty
	eventually(t, "the menu opens", func() error {
		screen := d.screen(t)
		now := fingerprint(screen, below)
		drawn := now != empty && now == last
		if last = now; !drawn {
			return errors.New("nothing below the panel yet, or still being drawn")
		}
		if name != "" {
			keep(t, name, screen, image.Rect(0, 0, 640, 240))
		}
		return nil
	})
}

// fingerprint tells two pictures of an area apart.
func fingerprint(img image.Image, area image.Rectangle) (sum uint64) {
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			sum = sum*1099511628211 + uint64(r>>8)<<16 + uint64(g>>8)<<8 + uint64(b>>8) // FNV's prime
		}
	}
	return sum
}
