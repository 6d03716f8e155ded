//go:build !windows

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

func TestCauseOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Cause
		path string
	}{
		{nil, Unknown, ""},
		{errors.New("something"), Unknown, ""},
		{fmt.Errorf("write x: %w", &fs.PathError{Op: "write", Path: "/a/b", Err: syscall.ENOSPC}), NoSpace, "/a/b"},
		{&fs.PathError{Op: "write", Path: "/a/b", Err: syscall.EDQUOT}, NoSpace, "/a/b"},
		{&os.LinkError{Op: "rename", Old: "/a/x", New: "/a/b", Err: syscall.EROFS}, ReadOnly, "/a/b"},
		{fmt.Errorf("lock: %w", syscall.ENOLCK), NoLocks, ""},
		{&fs.PathError{Op: "sync", Path: "/a/b", Err: syscall.EIO}, DiskFailed, "/a/b"},
		{errors.Join(errors.New("first"), &fs.PathError{Op: "open", Path: t.TempDir(), Err: syscall.EACCES}), Forbidden, ""},
		{syscall.EPERM, Forbidden, ""},
	} {
		got, path := CauseOf(c.err)
		if got != c.want || c.path != "" && path != c.path {
			t.Errorf("%v: %v of %q, want %v of %q", c.err, got, path, c.want, c.path)
		}
	}
}
