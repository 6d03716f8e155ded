package netmon

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// noticeGroups are the kernel's multicast groups of links, addresses and routes
// (rtnetlink(7)).
const noticeGroups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE

// watchLinks calls signal at each notice. It ignores the content of a notice.
func watchLinks(ctx context.Context, signal func()) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("watch links: %w", err)
	}
	f := os.NewFile(uintptr(fd), "netlink")
	stop := context.AfterFunc(ctx, func() { _ = f.Close() })
	defer func() {
		if stop() {
			_ = f.Close()
		}
	}()
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: noticeGroups}); err != nil {
		return fmt.Errorf("watch links: %w", err)
	}
	message := make([]byte, 4<<10) // a longer one is truncated, which is harmless
	for {
		_, err := f.Read(message)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// ENOBUFS: more notices than the queue holds.
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return fmt.Errorf("watch links: %w", err)
		}
		signal()
	}
}

func isCanceled(err error) bool { return errors.Is(err, unix.ECANCELED) }

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
