//go:build !windows

package durable

import (
	"errors"
	"os"
)

// syncDir makes the names in dir durable. Without it a rename may be lost in
// a power cut although the file's content was synced.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
