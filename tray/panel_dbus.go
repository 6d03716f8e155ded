//go:build !darwin && !windows

package tray

import (
	"strings"

	"fyne.io/systray"

	"shelfkeeper/assets"
)

// label keeps an underscore from becoming the mark of a shortcut
// (com.canonical.dbusmenu, property "label").
func label(text string) string { return strings.ReplaceAll(text, "_", "__") }

// setIcon is for the first icon only, before the item is on the bus; then item
// takes over.
func setIcon(m assets.Mark, s assets.Scheme) { systray.SetIcon(assets.PNG(assets.Icon(m, s, 48))) }
