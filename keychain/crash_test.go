//go:build unix

package keychain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"shelfkeeper/daemon/durable"
)

// The crash test runs this binary as a child that does one act on a File vault
// and kills itself at a given point; then the parent opens the vault.

const (
	crashDir = "KEYCHAIN_TEST_DIR"
	crashAct = "KEYCHAIN_TEST_ACT"
	crashAt  = "KEYCHAIN_TEST_KILL_AT" // number of the point, from 1; 0 lists them
)

func init() { roles["crash"] = crashChild }

// crashChild prints each point it passes and dies at the chosen one.
func crashChild() int {
	at, _ := strconv.Atoi(os.Getenv(crashAt))
	scryptWork = 10
	ctx := context.Background()
	n := 0
	point := func(name string) {
		n++
		fmt.Println("point", name)
		if n == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	afterStep = point
	durable.Hook = func(_ string, s durable.Step) { point("durable-" + string(s)) }
	v, err := Open(ctx, Options{Backend: File, Dir: os.Getenv(crashDir), Passphrase: passphrase})
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	if err := crashActs[os.Getenv(crashAct)](ctx, v); err != nil {
		fmt.Println("act:", err)
		return 1
	}
	return 0
}

var crashActs = map[string]func(context.Context, *Vault) error{
	"first":  func(ctx context.Context, v *Vault) error { return commitAndSettle(ctx, v, fullRecord(1)) },
	"rotate": func(ctx context.Context, v *Vault) error { return commitAndSettle(ctx, v, fullRecord(3)) },
	"forget": func(ctx context.Context, v *Vault) error { return v.Forget(ctx, "home") },
	"lock": func(ctx context.Context, v *Vault) error {
		if _, err := v.Acquire(ctx, "home"); err != nil {
			return err
		}
		return v.Commit(ctx, fullRecord(1)) // reaches a point
	},
}

func commitAndSettle(ctx context.Context, v *Vault, r Record) error {
	if err := v.Commit(ctx, r); err != nil {
		return err
	}
	// What is printed after Commit is what a caller may rely on.
	fmt.Println("committed")
	return v.Settle(ctx, r.Account)
}

// runCrash returns what the child printed and whether it was killed.
func runCrash(t *testing.T, dir, act string, at int) (lines []string, wasKilled bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleVariable+"=crash", crashDir+"="+dir, crashAct+"="+act, crashAt+"="+strconv.Itoa(at),
		"GORACE=atexit_sleep_ms=0")
	out, err := cmd.Output()
	lines = strings.Split(strings.TrimSpace(string(out)), "\n")
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status, ok := exit.Sys().(syscall.WaitStatus)
		if ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return lines, true
		}
	}
	if err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	return lines, false
}

func TestKilledAtEveryStep(t *testing.T) {
	for _, c := range []struct {
		act    string
		before uint64 // generations already stored
		points int    // at least; fewer would mean that the hooks are gone
	}{
		{"first", 0, 30},
		{"rotate", 2, 14},
		{"forget", 2, 14},
	} {
		t.Run(c.act, func(t *testing.T) {
			n := 0
			for at := 1; ; at++ {
				dir := t.TempDir()
				if c.before > 0 {
					v := fileVault(t, dir)
					for g := uint64(1); g <= c.before; g++ {
						put(t, v, fullRecord(g))
					}
					_ = v.Close()
				}
				lines, died := runCrash(t, dir, c.act, at)
				if !died {
					break
				}
				n++
				checkAfterCrash(t, dir, c.act, c.before, lines)
			}
			if n < c.points {
				t.Errorf("only %d points", n)
			}
		})
	}
}

func checkAfterCrash(t *testing.T, dir, act string, before uint64, lines []string) {
	t.Helper()
	at := lines[len(lines)-1]
	committed := strings.Contains(strings.Join(lines, "\n"), "committed") ||
		strings.Contains(strings.Join(lines, "\n"), "point journal-written")
	v := fileVault(t, dir)
	got, err := v.LoadAny(t.Context(), "home")
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.Fatalf("killed at %s: %v", at, err)
	}
	after := before + 1
	switch {
	case committed && got.Generation != after:
		t.Errorf("killed at %s: generation %d was durable, found %d", at, after, got.Generation)
	case got.Generation != before && got.Generation != after:
		t.Errorf("killed at %s: generation %d is neither %d nor %d", at, got.Generation, before, after)
	case got.Tombstone != (act == "forget" && got.Generation == after):
		t.Errorf("killed at %s: tombstone %v", at, got.Tombstone)
	case got.Generation > 0 && !got.Tombstone && !sameRecord(got, fullRecord(got.Generation)):
		t.Errorf("killed at %s: found a changed record %+v", at, got)
	}
	if act == "forget" {
		if err := v.Finish(t.Context()); err != nil {
			t.Errorf("killed at %s: finish: %v", at, err)
		}
		if left, err := pendingSignOuts(v.files); err != nil || len(left) > 0 {
			t.Errorf("killed at %s: still pending: %v, %v", at, left, err)
		}
		for i := range slotNames {
			value, err := v.store.get(t.Context(), slotItem("home", i))
			if got.Tombstone && strings.Contains(value, fullRecord(before).Password.Secret().Reveal()) {
				t.Errorf("killed at %s: the password is left in slot %d, %v", at, i, err)
			}
		}
	}
	// Life goes on above it.
	next, err := v.nextGeneration(t.Context(), "home")
	if err != nil || next != got.Generation+1 {
		t.Fatalf("killed at %s: next generation %d, %v", at, next, err)
	}
	put(t, v, fullRecord(next))
	put(t, v, fullRecord(next+1))
	if err := v.condition(); err != nil {
		t.Errorf("killed at %s: condition %v", at, err)
	}
	if r, err := fileVault(t, dir).Load(t.Context(), "home"); err != nil || !sameRecord(r, fullRecord(next+1)) {
		t.Errorf("killed at %s: afterwards %+v, %v", at, r, err)
	}
}

// A dying process must not keep the account's lock.
func TestLockDiesWithItsProcess(t *testing.T) {
	dir := t.TempDir()
	if _, died := runCrash(t, dir, "lock", 1); !died {
		t.Fatal("the child was to be killed")
	}
	release, err := fileVault(t, dir).Acquire(t.Context(), "home")
	if err != nil {
		t.Fatal(err)
	}
	release()
}
