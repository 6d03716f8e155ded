package config

import (
	"errors"
	"fmt"
	"os"
)

// ErrUnsafeDir says that a directory of ours could be changed by somebody
// else. The error around it names the directory and the remedy.
var ErrUnsafeDir = errors.New("others could change this directory")

// PrivateDir makes dir with mode 0700, and missing parents too. It refuses,
// with ErrUnsafeDir, a directory that belongs to another user or that group or
// others may write to: whoever can replace files there can put their own
// server, lock or socket in our place. Under sudo it makes nothing in another
// user's directory. On Windows the check is left to the
// access list that a profile's directories inherit.
func PrivateDir(dir string) error {
	if why := foreignParent(dir); why != "" {
		return fmt.Errorf("%s: %w: %s", dir, ErrUnsafeDir, why)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("check directory: %w", err)
	}
	if why := unsafe(dir, info); why != "" {
		return fmt.Errorf("%s: %w: %s", dir, ErrUnsafeDir, why)
	}
	return nil
}
