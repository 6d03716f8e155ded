//go:build !windows

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// The remedy is about what happened: space is freed only on a full disk.
func TestRemedy(t *testing.T) {
	for code, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "free some space", syscall.EDQUOT: "free some space", syscall.EFBIG: "free some space",
		syscall.EROFS: "write in /s/shelfkeeper", syscall.ENOLCK: "XDG_STATE_HOME", syscall.ENOTSUP: "XDG_STATE_HOME",
		syscall.ENOSYS: "XDG_STATE_HOME", syscall.EIO: "the disk reports errors",
		syscall.EACCES: "let your user write in /s/shelfkeeper", syscall.ENOENT: "",
	} {
		err := fmt.Errorf("write: %w", &fs.PathError{Op: "open", Path: "/s/shelfkeeper/x.json", Err: code})
		got := Remedy(err)
		if !strings.Contains(got, want) || (want == "") != (got == "") || code != syscall.ENOSPC && code != syscall.EDQUOT &&
			code != syscall.EFBIG && strings.Contains(got, "space") {
			t.Errorf("%v: %q", code, got)
		}
	}
	if got := Remedy(syscall.EROFS); !strings.Contains(got, "write there") {
		t.Errorf("without a path: %q", got)
	}
	if got := Remedy(errors.New("x")); got != "" {
		t.Errorf("an unknown cause: %q", got)
	}
}
