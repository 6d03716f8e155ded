package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// removeWait bounds the wait for files that another process has open: one that was
// asked to end has them until its end. removePoll is the pause between two tries.
const (
	removeWait = 10 * time.Second
	removePoll = 100 * time.Millisecond
)

// RemoveAll is os.RemoveAll. It tries for some seconds where a file is in use, and
// deletes file by file where the system knows no other way, as Wine 8 does.
func RemoveAll(path string) error {
	for end := time.Now().Add(removeWait); ; time.Sleep(removePoll) {
		err := os.RemoveAll(path)
		if err == nil || removeEach(path) == nil {
			return nil
		}
		if time.Now().After(end) {
			return err
		}
	}
}

// removeEach removes what lies below path, the deepest first, and then path. It does
// not follow links.
func removeEach(path string) error {
	var all []string
	err := filepath.WalkDir(path, func(one string, _ fs.DirEntry, err error) error {
		all = append(all, one)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, one := range slices.Backward(all) {
		if removed := os.Remove(one); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}
	return err
}
