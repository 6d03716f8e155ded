//go:build darwin && !cgo

package tray

import "context"

// supported is false: systray draws with Cocoa, which Go reaches only by cgo.
const supported = false

func show(context.Context, *ui) error { return ErrUnsupported }
