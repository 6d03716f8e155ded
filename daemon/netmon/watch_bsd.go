//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package netmon

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// watchLinks calls signal at each message of the routing socket (route(4)).
func watchLinks(ctx context.Context, signal func()) error {
	fd, err := unix.Socket(unix.AF_ROUTE, unix.SOCK_RAW, unix.AF_UNSPEC)
	if err != nil {
		return fmt.Errorf("watch links: %w", err)
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return errors.Join(fmt.Errorf("watch links: %w", err), unix.Close(fd))
	}
	return watchSocket(ctx, fd, "route", signal)
}
