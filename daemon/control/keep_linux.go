package control

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// watchFile returns a channel that is closed when something in the file's
// directory was removed, and what ends the watch. The kernel reports it, so that
// an idle daemon sleeps on.
func watchFile(path string) (gone <-chan struct{}, stop func()) {
	none := func() (<-chan struct{}, func()) { return nil, func() {} }
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return none() // the user's limit; Look remains
	}
	f := os.NewFile(uintptr(fd), "inotify")
	const events = unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), events); err != nil {
		_ = f.Close()
		return none()
	}
	told, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 4096) // room for the longest name
		if n, _ := f.Read(buf); n > 0 {
			close(told)
		}
	}()
	return told, func() {
		_ = f.Close()
		<-ended
	}
}
