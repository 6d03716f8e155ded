package durable

import (
	"errors"
	"fmt"
	"os"
)

// ErrNoFile: something else than a file has a name that should be one's.
var ErrNoFile = errors.New("it is not a regular file")

// Regular returns an error where something else than a file has the name. It is
// asked before the name is opened: a pipe would keep the program waiting for ever. A
// name that nothing has is fine.
func Regular(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: %w", path, ErrNoFile)
	}
	return nil
}

// Read returns the content of a file, and an error where something else has its
// name.
func Read(path string) ([]byte, error) {
	if err := Regular(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
