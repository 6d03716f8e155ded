//go:build !windows

package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"shelfkeeper/daemon/netcause"
	"shelfkeeper/daemon/problem"
)

// socketFile is the socket's file. It remembers the file that it made, so that it
// removes no other.
type socketFile struct {
	path string
	made fs.FileInfo
}

// bind makes the directory and the socket in it, and listens. It replaces a socket
// that a dead daemon left and never deletes anything else.
func bind(path string) (net.Listener, socketFile, error) {
	if err := checkPath(path); err != nil {
		return nil, socketFile{}, err
	}
	if err := privateDir(filepath.Dir(path)); err != nil {
		return nil, socketFile{}, err
	}
	// Two daemons that start at the same time find the same dead socket. Without a
	// lock the slower one would remove the new socket of the faster one.
	unlock, err := lock(path)
	if err != nil {
		return nil, socketFile{}, err
	}
	defer unlock()
	if err := clearStale(path); err != nil {
		return nil, socketFile{}, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, socketFile{}, fmt.Errorf("control socket: %w", err)
	}
	// By default the listener would remove any file of that name.
	l.SetUnlinkOnClose(false)
	made, err := os.Lstat(path)
	if err == nil {
		err = closeToOthers(path)
	}
	if err != nil {
		return nil, socketFile{}, errors.Join(fmt.Errorf("control socket: %w", err), os.Remove(path), l.Close())
	}
	return l, socketFile{path, made}, nil
}

// remove deletes the socket unless another file has taken its name.
func (f socketFile) remove() error {
	unlock, err := lock(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a logout has cleared the runtime directory
	}
	if err != nil {
		return err
	}
	defer unlock()
	now, err := os.Lstat(f.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(f.made, now) {
		return nil
	}
	if err == nil {
		err = os.Remove(f.path)
	}
	if err != nil {
		return fmt.Errorf("remove control socket: %w", err)
	}
	return nil
}

// there reports whether the file is the one that was made.
func (f socketFile) there() bool {
	now, err := os.Lstat(f.path)
	return err == nil && os.SameFile(f.made, now)
}

// dialSocket connects to the socket at path.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

// nobodyListens reports whether a connect's error proves that nobody listens.
// After any other error, such as a full queue (EAGAIN), a busy process may listen.
func nobodyListens(err error) bool {
	return netcause.Of(err) == netcause.Refused || errors.Is(err, fs.ErrNotExist)
}

// clearStale removes a socket of ours at path when no process listens on it.
func clearStale(path string) error {
	found, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if found.Mode()&fs.ModeSocket == 0 || !ours(found) {
		return problem.Newf(problem.Config, "move it away, or choose another runtime directory", "control socket %s: %w", path, ErrOccupied)
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		_ = conn.Close()
	}
	if err == nil || !nobodyListens(err) {
		return problem.Newf(problem.Running, "use the running one, or end it with `shelfkeeper quit`", "control socket %s: %w", path, ErrRunning)
	}
	now, err := os.Lstat(path)
	if err != nil || !os.SameFile(found, now) {
		return problem.Newf(problem.Running, "try again", "control socket %s: changed while it was looked at: %w", path, ErrRunning)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("control socket: remove the stale one: %w", err)
	}
	return nil
}
