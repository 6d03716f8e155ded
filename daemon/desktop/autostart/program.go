package autostart

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Program returns the path of the running program as it is started best: the
// name under which it was found where that is a link, since an upgrade moves
// the link and not the file behind it.
func Program() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find our own program: %w", err)
	}
	named, err := exec.LookPath(os.Args[0])
	if err != nil {
		return self, nil
	}
	if named, err = filepath.Abs(named); err != nil {
		return self, nil
	}
	ours, err := os.Stat(self)
	if err != nil {
		return self, nil // check says what is wrong with it
	}
	if there, err := os.Stat(named); err != nil || !os.SameFile(ours, there) {
		return self, nil
	}
	return named, nil
}

// cached is the name of a directory in Go's build cache (go 1.24 and newer),
// which holds the program of a `go run`.
var cached = regexp.MustCompile(`^[0-9a-f]{64}-d$`)

// temporary reports whether `go run` has built the program: it lies in Go's
// build cache, or in a go-build directory for temporary files.
func temporary(path string) bool {
	for part := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if cached.MatchString(part) {
			return true
		}
		if rest, ok := strings.CutPrefix(part, "go-build"); ok && strings.Trim(rest, "0123456789") == "" {
			return true
		}
	}
	return false
}
