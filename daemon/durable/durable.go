// Package durable replaces files as a whole. A crash, a full disk or a power
// cut leaves the old content or the new one, never a mixture and never an
// empty file.
//
// No library is used, because the vault (see keychain) relies on the order of
// the steps: tests kill the process between any two of them.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"shelfkeeper/daemon/failpoint"
)

// Step names a point between two actions of WriteFile, in order.
type Step string

// The steps of WriteFile. A test's hook is called just after each.
const (
	Created Step = "created" // an empty temporary file lies beside the target
	Written Step = "written" // it holds the whole content, not yet on disk
	Synced  Step = "synced"  // its content is on disk
	Renamed Step = "renamed" // it has replaced the target
	Done    Step = "done"    // the directory entry is on disk too
)

// Hook, where a test has set it, is called after each step. Product code
// never sets it.
var Hook func(path string, step Step)

func reached(path string, s Step) {
	if Hook != nil {
		Hook(path, s)
	}
	if failpoint.Enabled {
		kind, _, _ := strings.Cut(filepath.Base(path), ".")
		failpoint.Reached(kind + "-file-" + string(s))
	}
}

// WriteFile replaces path by data with mode perm. When it returns nil, the
// content survives a power cut. On an error the previous content of path is
// untouched, unless the error came from syncing the directory; after that
// either content may be found. Temporary files carry the target's name and the
// ending ".tmp". One that a crash left behind is overwritten by the next call,
// so callers must not write one path from two places at once.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return Write(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Write is WriteFile for a content that write produces piece by piece.
func Write(path string, perm fs.FileMode, write func(io.Writer) error) (err error) {
	tmp := path + ".tmp"
	// Removing first gives perm to the new file even when an old one is there,
	// and O_EXCL does not follow a symbolic link that was planted there.
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	closed := false
	defer func() {
		if err == nil {
			return
		}
		if !closed {
			err = errors.Join(err, f.Close())
		}
		if rm := os.Remove(tmp); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}()
	reached(path, Created)
	if err := write(f); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	reached(path, Written)
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	closed = true
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	reached(path, Synced)
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	reached(path, Renamed)
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: sync directory: %w", path, err)
	}
	reached(path, Done)
	return nil
}

// Remove deletes path, with the temporary file that a crash may have left
// beside it, and makes the deletion durable. A file that is not there is no
// error.
func Remove(path string) error {
	found := false
	for _, name := range []string{path + ".tmp", path} {
		switch err := os.Remove(name); {
		case err == nil:
			found = true
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if !found {
		return nil
	}
	return syncDir(filepath.Dir(path))
}
