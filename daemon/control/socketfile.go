package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/problem"
)

// The reasons for which Listen refuses a path. They come wrapped in a
// problem.Problem with a remedy.
var (
	ErrRunning     = errors.New("another Shelfkeeper answers there")
	ErrPathTooLong = errors.New("the path is too long for a unix socket")
	ErrExposed     = errors.New("others can reach into the directory")
	ErrOccupied    = errors.New("something that is not ours to replace lies there")
)

const (
	// pipes says that a named pipe stands for the socket. Its name does not grow with
	// the path.
	pipes = runtime.GOOS == "windows"

	// maxPath is the longest path that the kernel accepts, without the terminating
	// zero: 107 bytes on Linux, 103 on macOS. A longer path fails with a bare
	// "invalid argument".
	maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

	// probeTimeout bounds the check whether a process listens. A connect to a unix
	// socket waits only while the listener's queue is full. After this time a
	// process listens, but is stuck.
	probeTimeout = time.Second

	// lockTimeout bounds the wait for another process that checks the same path;
	// its check takes at most probeTimeout.
	lockTimeout = 3 * time.Second
	lockPoll    = 10 * time.Millisecond
)

// checkPath refuses a path that cannot name a socket, and names outside the file
// system ("@name" on Linux), where no modes apply.
func checkPath(path string) error {
	if !filepath.IsAbs(path) {
		return problem.Newf(problem.Config, "name the control socket by an absolute path", "control socket %q: not an absolute path", path)
	}
	if !pipes && len(path) > maxPath {
		return problem.Newf(problem.Config, fmt.Sprintf("choose a runtime directory with a path at least %d bytes shorter", len(path)-maxPath),
			"control socket %s: %w: %d bytes, this system takes %d", path, ErrPathTooLong, len(path), maxPath)
	}
	return nil
}

// privateDir makes dir. It refuses a directory that another user owns or can enter:
// that user could replace the socket and receive passwords. It does not change the
// mode of an existing directory, which may serve other purposes.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("control socket: create directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("control socket: check directory: %w", err)
	}
	if why := exposed(info); why != "" {
		remedy := fmt.Sprintf("run `chmod 700 %s` if it is Shelfkeeper's own, or choose another runtime directory", dir)
		return problem.Newf(problem.Config, remedy, "control socket: directory %s: %w: %s", dir, ErrExposed, why)
	}
	return nil
}

// lock keeps other processes of this program away from path. The lock file stays:
// after its removal two processes could lock two different files.
func lock(path string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockTimeout)
	defer cancel()
	if err := durable.Regular(path + ".lock"); err != nil {
		return nil, fmt.Errorf("control socket: lock its name: %w", err)
	}
	l := flock.New(path + ".lock")
	if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("control socket: lock its name: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}
