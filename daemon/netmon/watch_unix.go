//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netmon

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// watchSocket calls signal at each message on a non-blocking socket, until ctx ends. It
// ignores the content of a message, and closes the socket.
func watchSocket(ctx context.Context, fd int, name string, signal func()) error {
	f := os.NewFile(uintptr(fd), name)
	stop := context.AfterFunc(ctx, func() { _ = f.Close() })
	defer func() {
		if stop() {
			_ = f.Close()
		}
	}()
	message := make([]byte, 4<<10) // a longer one is truncated, which is harmless
	for {
		_, err := f.Read(message)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// ENOBUFS: more messages than the queue holds.
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return fmt.Errorf("watch links: %w", err)
		}
		signal()
	}
}
