// Package pathwatch tells when a file comes into being, so that nobody has to look for
// it again and again. It opens no file and reads none.
package pathwatch

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Watch tells when a path comes into being, by inotify. Nil is a watch that sees nothing.
type Watch struct {
	file *os.File
	name string // of the next missing part of the path
}

// New watches the deepest directory above path that exists. It returns nil where that is
// not possible, and for the path "".
func New(path string) *Watch {
	if path == "" {
		return nil
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	const changes = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR
	for {
		dir, name := filepath.Split(strings.TrimRight(path, "/"))
		if name == "" || dir == "" {
			_ = unix.Close(fd)
			return nil
		}
		if _, err := unix.InotifyAddWatch(fd, filepath.Clean(dir), changes); err == nil {
			return &Watch{os.NewFile(uintptr(fd), "inotify"), name}
		}
		path = filepath.Clean(dir)
	}
}

// Wait returns true when the path may have come into being, and false after
// timeout (0: never) or when ctx ends.
func (w *Watch) Wait(ctx context.Context, timeout time.Duration) bool {
	if w == nil {
		return Pause(ctx, timeout)
	}
	if timeout > 0 {
		if w.file.SetReadDeadline(time.Now().Add(timeout)) != nil {
			return Pause(ctx, max(timeout, leastPause))
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = w.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var buf [4096]byte
	for {
		n, err := w.file.Read(buf[:])
		if err != nil {
			return false
		}
		if w.concerns(buf[:n]) {
			return true
		}
	}
}

// concerns reports whether one of the events is about the path: one with its
// name, or one about the directory itself, which has none.
func (w *Watch) concerns(events []byte) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		length := binary.NativeEndian.Uint32(events[12:])
		end := min(unix.SizeofInotifyEvent+int(length), len(events))
		name := strings.TrimRight(string(events[unix.SizeofInotifyEvent:end]), "\x00")
		if name == "" || name == w.name {
			return true
		}
		events = events[end:]
	}
	return false
}

// Close ends the watch.
func (w *Watch) Close() {
	if w != nil {
		_ = w.file.Close()
	}
}
