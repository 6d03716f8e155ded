//go:build darwin && !cgo

package tray

import "context"

// show has no icon: systray draws with Cocoa, which Go reaches only by cgo. Messages of
// the desktop need none.
func show(ctx context.Context, u *ui) error {
	untell := tellBy(ctx, u)
	withoutIcon(ctx, u)
	untell()
	return nil
}
