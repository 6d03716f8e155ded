package keychain

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func init() { roles["orphan"] = orphanParent }

// orphanParent starts a child that hangs, and dies without a word.
func orphanParent() int {
	argv := []string{"/bin/sh", "-c", `echo $$ > "$1.tmp"; mv "$1.tmp" "$1"; exec sleep 1000`, "sh", os.Getenv(crashDir)}
	out, err := runChild(context.Background(), argv, os.Environ(), nil)
	fmt.Printf("%s %v\n", out, err)
	return 0
}

// A daemon killed during a prompt must not leave the prompt's child behind.
func TestChildDiesWithItsParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pid")
	parent := exec.CommandContext(t.Context(), self)
	parent.Env = append(os.Environ(), roleVariable+"=orphan", crashDir+"="+file)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the child runs", func() bool {
		_, err := os.Stat(file)
		return err == nil
	})
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the child is gone", func() bool {
		// An orphan that nobody reaps stays as a zombie where init does not.
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}
