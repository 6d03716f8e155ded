//go:build unix

package keychain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

func init() { roles["full disk"] = fullDiskChild }

// fullDiskChild commits under a limit of the file size, which makes writes fail
// with EFBIG as a full disk makes them fail with ENOSPC: some bytes are written,
// then no more. The limit is this process's only and needs no privileges.
func fullDiskChild() int {
	signal.Ignore(syscall.SIGXFSZ) // else the limit kills instead
	scryptWork = 10
	ctx := context.Background()
	v, err := Open(ctx, Options{Backend: File, Dir: os.Getenv(crashDir), Passphrase: passphrase})
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	if _, err := v.Load(ctx, "home"); err != nil {
		fmt.Println("load:", err)
		return 1
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
		fmt.Println("limit:", err)
		return 1
	}
	r := fullRecord(2)
	err = v.Commit(ctx, r)
	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "the record before it is kept") {
		fmt.Println("commit:", err)
		return 1
	}
	got, err := v.Load(ctx, "home")
	if err != nil || got.Generation != 1 {
		fmt.Println("load after:", got, err)
		return 1
	}
	if err := v.PutSealed(ctx, "x", make([]byte, 500)); !errors.Is(err, syscall.EFBIG) {
		fmt.Println("sealed:", err)
		return 1
	}
	return 0
}

func TestFullDiskKeepsTheOldRecord(t *testing.T) {
	dir := t.TempDir()
	put(t, fileVault(t, dir), fullRecord(1))
	runRole(t, "full disk", dir)
	v := fileVault(t, dir)
	if got, err := v.Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(1)) {
		t.Errorf("got %+v, %v", got, err)
	}
	put(t, v, fullRecord(2))
}
