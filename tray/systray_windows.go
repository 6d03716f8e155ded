package tray

import (
	"context"
	"image"
	"strings"

	"fyne.io/systray"
	"golang.org/x/sys/windows/registry"

	"shelfkeeper/assets"
)

// icoSizes are the small icon's at 100, 125, 150, 200 and 300 per cent.
var icoSizes = []int{16, 20, 24, 32, 48}

func setIcon(m assets.Mark, s assets.Scheme) {
	if s == assets.AnyPanel {
		s = taskbarScheme()
	}
	var images []image.Image
	for _, px := range icoSizes {
		images = append(images, assets.Icon(m, s, px))
	}
	systray.SetIcon(assets.ICO(images...))
}

// label keeps an ampersand from becoming the mark of a shortcut.
func label(text string) string { return strings.ReplaceAll(text, "&", "&&") }

// taskbarScheme reads the setting of the taskbar, which differs from that of
// programs. It is read when an icon is drawn; a change shows with the next one.
func taskbarScheme() assets.Scheme {
	k, err := registry.OpenKey(registry.CURRENT_USER,
		`Software\Microsoft\Windows\CurrentVersion\Themes\Personalize`, registry.QUERY_VALUE)
	if err != nil {
		return assets.AnyPanel
	}
	defer k.Close()
	switch light, _, err := k.GetIntegerValue("SystemUsesLightTheme"); {
	case err != nil:
		return assets.AnyPanel
	case light != 0:
		return assets.LightPanel
	}
	return assets.DarkPanel
}

// awaitPlace returns at once: there is always a place for the icon.
func awaitPlace(ctx context.Context, _ *ui) error { return ctx.Err() }
