//go:build systray && !darwin && !windows

package tray

import (
	"context"
	"strings"

	"fyne.io/systray"

	"shelfkeeper/assets"
)

// This file builds with the tag systray the panel of Windows and macOS here, so
// that it is tested in a real panel. The program itself has dbusPanel, which says
// why.

// iconSize is the one size that systray offers.
const iconSize = 24

func setIcon(m assets.Mark, s assets.Scheme) {
	systray.SetIcon(assets.PNG(assets.Icon(m, s, iconSize)))
}

// label keeps an underscore from becoming the mark of a shortcut.
func label(text string) string { return strings.ReplaceAll(text, "_", "__") }

// awaitPlace waits for a session bus: without one systray starts one of its own,
// and panics when it ends.
func awaitPlace(ctx context.Context, u *ui) error {
	conn, err := awaitBus(ctx, u.cfg.Log)
	if err != nil {
		return err
	}
	return conn.Close()
}

// tellBy shows nothing: this build is for the icon's test.
func tellBy(context.Context, *ui) (end func()) { return func() {} }
