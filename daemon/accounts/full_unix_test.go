//go:build !windows

package accounts

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

// fullJob is the job of a child that cannot write a file of more than
// diskSize bytes, which is as near to a full disk as a test gets without
// mounting one: the write stops in the middle with an error of the kernel.
const (
	fullJob  = "full"
	diskSize = 100
)

func prepareChild(job string) error {
	if job != fullJob {
		return nil
	}
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: diskSize, Max: diskSize})
}

func TestFullDiskKeepsTheOldContent(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	if err := b.Put(t.Context(), sample("home")); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil || len(before) <= diskSize {
		t.Fatalf("%d bytes, %v", len(before), err)
	}
	out, err := child(t, fullJob, dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "free some space") || !strings.Contains(string(out), "as they were") {
		t.Errorf("the child says %q, %v", out, err)
	}
	after, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file is now %q, %v", after, err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if want := []string{filepath.Join(dir, fileName), filepath.Join(dir, lockName)}; err != nil || !reflect.DeepEqual(names, want) {
		t.Errorf("left in the directory: %q, %v", names, err)
	}
	if err := b.Put(t.Context(), sample("work")); err != nil {
		t.Errorf("with space again: %v", err)
	}
}
