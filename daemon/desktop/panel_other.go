//go:build windows || darwin

package desktop

import "context"

// ShowsIcons reports whether a panel shows the icons of programs: this system's does.
func ShowsIcons(context.Context) (bool, error) { return true, nil }
