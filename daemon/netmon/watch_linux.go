package netmon

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// noticeGroups are the kernel's multicast groups of links, addresses and routes
// (rtnetlink(7)).
const noticeGroups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE

// watchLinks calls signal at each notice.
func watchLinks(ctx context.Context, signal func()) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("watch links: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: noticeGroups}); err != nil {
		return errors.Join(fmt.Errorf("watch links: %w", err), unix.Close(fd))
	}
	return watchSocket(ctx, fd, "netlink", signal)
}

func isCanceled(err error) bool { return errors.Is(err, unix.ECANCELED) }

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
