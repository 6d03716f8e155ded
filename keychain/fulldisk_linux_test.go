package keychain

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The same with a really full file system, where the test may mount one.
func TestFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("cannot mount a small file system, which needs root; the limit test covers the same path:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	v := fileVault(t, filepath.Join(dir, "vault"))
	put(t, v, fullRecord(1))
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	_ = filler.Close()
	err = v.Commit(t.Context(), fullRecord(2))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "commit home") {
		t.Errorf("commit: %v", err)
	}
	if got, err := fileVault(t, filepath.Join(dir, "vault")).Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(1)) {
		t.Errorf("on a full disk: %+v, %v", got, err)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	put(t, v, fullRecord(2))
}
