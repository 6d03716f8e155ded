//go:build cgo

package tray

import (
	"context"

	"fyne.io/systray"

	"shelfkeeper/assets"
)

// iconSize is that of a menu bar icon on a Retina screen.
const iconSize = 36

// setIcon hands over a template: macOS takes its alpha and chooses the colour.
func setIcon(m assets.Mark, _ assets.Scheme) {
	png := assets.PNG(assets.Icon(m, assets.Template, iconSize))
	systray.SetTemplateIcon(png, png)
}

func label(text string) string { return text }

// awaitPlace returns at once: there is always a place for the icon.
func awaitPlace(ctx context.Context, _ *ui) error { return ctx.Err() }
