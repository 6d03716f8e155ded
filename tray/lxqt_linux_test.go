//go:build !systray

package tray

import (
	"errors"
	"fmt"
	"image"
	"testing"

	"shelfkeeper/daemon/health"
)

// lxqtConfig is a panel at the top of the screen with nothing but icons.
const lxqtConfig = `[General]
__userfile__=true
iconTheme=hicolor
panels=panel1
[panel1]
alignment=-1
position=Top
panelSize=32
iconSize=24
width=100
width-percent=true
background-color=@Variant(\0\0\0\x43\x1\xff\xff\xf2\xf2\xf2\xf2\xf2\xf2\0\0)
plugins=statusnotifier
[statusnotifier]
type=statusnotifier
alignment=Left
`

// The panel of LXQt opens no menu for a left click: it activates the icon, which
// opens the status page. A right click opens the menu.
func TestLXQtPanel(t *testing.T) {
	desk := newDesktopOf(t, "LXQt", "lxqt/panel.conf", lxqtConfig, "lxqt-panel")
	daemon := newDouble(t)
	daemon.set(snapshotOf(&health.VaultLocked))
	tray := startTray(t, daemon, desk.env...)
	var at image.Point
	eventually(t, "the icon is there", func() error {
		screen := desk.screen(t)
		keep(t, "lxqt.png", screen, panelArea)
		n, middle := near(screen, panelArea, levelColours[health.NeedsUser][0])
		if at = middle; n < 20 {
			return fmt.Errorf("%d pixels of it", n)
		}
		return nil
	})
	desk.run(t, "xdotool", "mousemove", fmt.Sprint(at.X), fmt.Sprint(at.Y), "click", "1")
	eventually(t, "the page opens", tray.out.has("open "+pageLink, 1))

	below := image.Rect(0, panelArea.Max.Y+8, 640, 400)
	empty := fingerprint(desk.screen(t), below)
	desk.run(t, "xdotool", "click", "3")
	eventually(t, "the menu opens", func() error {
		screen := desk.screen(t)
		keep(t, "lxqt-menu.png", screen, image.Rect(0, 0, 640, 300))
		if fingerprint(screen, below) == empty {
			return errors.New("nothing below the panel")
		}
		return nil
	})
	desk.run(t, "xdotool", "key", "Down", "Return") // the first line that can be chosen
	eventually(t, "Audiobookshelf opens", tray.out.has("open http://127.0.0.1:13379?full", 1))
}
