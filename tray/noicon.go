package tray

import (
	"context"

	"shelfkeeper/assets"
)

// noPanel is the place of an icon where the program cannot draw one.
type noPanel struct{}

func (noPanel) icon(assets.Mark, assets.Scheme) {}
func (noPanel) tooltip(string)                  {}
func (noPanel) line(int, Line)                  {}
func (noPanel) clicks() <-chan int              { return nil }

// withoutIcon shows the messages of the ui alone until ctx ends, and says once that
// there is no icon.
func withoutIcon(ctx context.Context, u *ui) {
	u.hosts <- false // has one place, and nobody else sends
	u.loop(ctx, noPanel{})
}
