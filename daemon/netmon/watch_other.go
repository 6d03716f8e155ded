//go:build !linux && !windows && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package netmon

import (
	"context"
	"errors"
)

func watchLinks(context.Context, func()) error {
	return errors.New("watch links: not on this system")
}
