package keychain

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/keychain/keyringtest"
)

func init() { roles["orphan"] = orphanParent }

// orphanParent starts a child that hangs, and dies without a word.
func orphanParent() int {
	argv := []string{"/bin/sh", "-c", `echo $$ > "$1.tmp"; mv "$1.tmp" "$1"; exec sleep 1000`, "sh", os.Getenv(crashDir)}
	c, err := startChild(argv, os.Environ())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	<-c.gone
	return 0
}

// A helper without calls ends after a while, and with its vault at once. The next
// call starts another.
func TestHelperEndsWhenItIsIdle(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	argv, pids := opChild(t)
	s := storeOf(t, argv, 0)
	s.idle = 20 * time.Millisecond
	for n := range 2 {
		if err := s.set(t.Context(), "home/a", "x"); err != nil {
			t.Fatal(err)
		}
		all := pids()
		if len(all) != n+1 {
			t.Fatalf("%d helpers were started", len(all))
		}
		processGone(t, all[n])
	}
	s.idle = time.Hour
	for range 3 {
		if _, err := s.get(t.Context(), "home/a"); err != nil {
			t.Fatal(err)
		}
	}
	k.Restart() // the connection to the bus is still there
	if _, err := s.get(t.Context(), "home/b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	all := pids()
	if len(all) != 3 {
		t.Fatalf("%d helpers were started", len(all))
	}
	s.close()
	processGone(t, all[2])
	if _, err := s.get(t.Context(), "home/a"); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// A helper that somebody kills, or that hangs, costs a call at most.
func TestHelperIsStartedAnew(t *testing.T) {
	keyringtest.Start(t, keyringtest.Options{})
	argv, pids := opChild(t)
	s := storeOf(t, argv, 0)
	set := func(value string) error { return s.set(t.Context(), "home/a", value) }
	if err := set("one"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pids()[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := set("two"); err != nil {
		t.Errorf("killed between two calls: %v", err)
	}
	second := pids()[1]
	if err := syscall.Kill(second, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.limit = 300 * time.Millisecond
	if err := set("three"); !errors.Is(err, ErrHanging) {
		t.Errorf("stopped: %v", err)
	}
	processGone(t, second) // at the deadline
	s.limit = patience
	if value, err := s.get(t.Context(), "home/a"); err != nil || value != "two" {
		t.Errorf("after it: %q, %v", value, err)
	}
}

// Calls that meet share one helper.
func TestCallsShareOneHelper(t *testing.T) {
	keyringtest.Start(t, keyringtest.Options{})
	argv, pids := opChild(t)
	s := storeOf(t, argv, 0)
	failed := make(chan error)
	for i := range 8 {
		go func() { failed <- s.set(t.Context(), fmt.Sprint("item", i), fmt.Sprint(i)) }()
	}
	for range 8 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	for i := range 8 {
		if value, err := s.get(t.Context(), fmt.Sprint("item", i)); err != nil || value != fmt.Sprint(i) {
			t.Errorf("item %d: %q, %v", i, value, err)
		}
	}
	if n := len(pids()); n != 1 {
		t.Errorf("%d helpers were started", n)
	}
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
