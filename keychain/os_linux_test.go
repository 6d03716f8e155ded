package keychain

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/keychain/keyringtest"
)

// opChild is the command line of a keychain-op child: this binary in its role,
// after a shell has noted the process id, which exec keeps. A program built with
// the race detector would sleep a second before it ends.
func opChild(t testing.TB) (argv []string, pids func() []int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "pids")
	argv = []string{"/bin/sh", "-c", `echo $$ >> "$1"; exec env GORACE=atexit_sleep_ms=0 "$2" "$3"`, "sh", log, roleVariable + "=op", self}
	return argv, func() []int {
		data, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		var all []int
		for line := range strings.Lines(string(data)) {
			pid, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, pid)
		}
		return all
	}
}

func osVault(t *testing.T, dir string) *Vault {
	t.Helper()
	argv, _ := opChild(t)
	return patientVault(t, dir, argv)
}

// patience is how long a call may take that must end well, on a busy machine.
const patience = time.Minute

// patientVault is a vault whose calls have patience.
func patientVault(t *testing.T, dir string, argv []string) *Vault {
	t.Helper()
	v := mustOpen(t, Options{Backend: OS, Dir: dir, Helper: argv})
	v.store.(*osStore).limit = patience
	return v
}

// storeOf is a store that the end of the test closes, with a limit or with patience.
func storeOf(t *testing.T, argv []string, limit time.Duration) *osStore {
	s := &osStore{argv: argv, limit: cmp.Or(limit, patience)}
	t.Cleanup(s.close)
	return s
}

// osChild is storeOf with a child of ours.
func osChild(t *testing.T, limit time.Duration) *osStore {
	t.Helper()
	argv, _ := opChild(t)
	return storeOf(t, argv, limit)
}

func TestKeyringHoldsASession(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	dir := t.TempDir()
	v := osVault(t, dir)
	if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	big := fullRecord(1)
	put(t, v, big)
	put(t, v, fullRecord(2))
	put(t, v, fullRecord(3)) // overwrites
	if err := v.condition(); err != nil {
		t.Error(err)
	}

	k.Restart()
	v = osVault(t, dir)
	if got, err := v.Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(3)) {
		t.Fatalf("after a restart of both: %+v, %v", got, err)
	}
	s := osChild(t, 0)
	for item, generation := range map[string]uint64{"home/a": 3, "home/b": 2} {
		value, err := s.get(t.Context(), item)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := decodeRecord(value, "home"); err != nil || e.Generation != generation {
			t.Errorf("%s holds generation %d, %v", item, e.Generation, err)
		}
	}
	// The keychain alone is enough, should the directory be lost.
	if got, err := osVault(t, t.TempDir()).Load(t.Context(), "home"); err != nil || got.Generation != 3 {
		t.Errorf("without the journal: %+v, %v", got, err)
	}

	if err := v.Forget(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.get(t.Context(), "home/a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a signed-out slot: %v", err)
	}
	k.Restart()
	for _, d := range []string{dir, t.TempDir()} {
		if _, err := osVault(t, d).Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
			t.Errorf("signed out, yet %v", err)
		}
	}
}

// gnome-keyring killed while it creates an item leaves one with an empty secret.
func TestEmptySecretIsAbsent(t *testing.T) {
	keyringtest.Start(t, keyringtest.Options{})
	s := osChild(t, 0)
	if err := s.set(t.Context(), "home/a", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.get(t.Context(), "home/a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := s.delete(t.Context(), "home/a"); err != nil {
		t.Error(err)
	}
	if err := s.delete(t.Context(), "home/a"); err != nil {
		t.Errorf("deleting a missing item: %v", err)
	}
}

// The keyring dies at each step of the very first writes and of later ones; what
// was committed is there after its restart.
func TestKeyringKilledAtEachStep(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	dir := t.TempDir()
	n := 0
	for _, step := range []string{"slot-write", "slot-written", "slot-read-back", "slot-write", "slot-written"} {
		n++
		v := osVault(t, dir)
		afterStep = func(s string) {
			if s == step {
				afterStep = nil
				k.Kill()
			}
		}
		r := fullRecord(uint64(n))
		if err := v.Commit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		err := v.Settle(t.Context(), "home")
		if !errors.Is(err, ErrAbsent) { // after slot-read-back the key cannot be looked at
			t.Errorf("killed at %s: settle says %v", step, err)
		}
		if err := v.Commit(t.Context(), r); err != nil {
			t.Errorf("without a keyring: %v", err)
		}
		k.Restart()
		after := osVault(t, dir)
		if got, err := after.Load(t.Context(), "home"); err != nil || !sameRecord(got, r) {
			t.Fatalf("killed at %s: %+v, %v", step, got, err)
		}
		// The keyring alone may lag by the one write, never by more.
		if got, err := osVault(t, t.TempDir()).Load(t.Context(), "home"); n > 1 && (err != nil || got.Generation+1 < r.Generation) {
			t.Errorf("killed at %s: the keyring alone has %+v, %v", step, got, err)
		}
		if err := v.Settle(t.Context(), "home"); err != nil || v.condition() != nil {
			t.Errorf("repair after %s: %v, %v", step, err, v.condition())
		}
	}
	afterStep = nil
}

// Killed while a call is under way, at moments nobody chose.
func TestKeyringKilledDuringWrites(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	dir := t.TempDir()
	put(t, osVault(t, dir), fullRecord(1))
	for g := uint64(2); g < 10; g++ {
		v := osVault(t, dir)
		if err := v.Commit(t.Context(), fullRecord(g)); err != nil {
			t.Fatal(err)
		}
		settled, writes := make(chan error, 1), make(chan struct{})
		afterStep = func(step string) {
			if step == "slot-write" {
				afterStep = nil
				close(writes)
			}
		}
		go func() { settled <- v.Settle(t.Context(), "home") }()
		// Round trips on the bus spread the kills over the call.
		<-writes
		for range 3 * (g - 2) {
			k.Prompting()
		}
		k.Kill()
		err := <-settled
		if err != nil && !errors.Is(err, ErrSlotPending) {
			t.Errorf("settle: %v", err)
		}
		t.Log(err)
		k.Restart()
		if got, err := osVault(t, dir).Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(g)) {
			t.Fatalf("generation %d: %+v, %v", g, got, err)
		}
		if got, err := osVault(t, t.TempDir()).Load(t.Context(), "home"); err != nil || got.Generation+1 < g {
			t.Errorf("generation %d: the keyring alone has %+v, %v", g, got, err)
		}
		if err := v.Settle(t.Context(), "home"); err != nil {
			t.Errorf("repair: %v", err)
		}
	}
}

// A key that the keyring lost in its creation must not lead to a sealed file
// that nothing opens.
func TestKeyringKilledWhileTheKeyIsMade(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	dir := t.TempDir()
	v := osVault(t, dir)
	afterStep = func(s string) {
		if s == "key-written" {
			k.Kill()
		}
	}
	err := v.Commit(t.Context(), fullRecord(1))
	afterStep = nil
	if !errors.Is(err, ErrAbsent) || !errors.Is(v.condition(), ErrAbsent) {
		t.Errorf("commit: %v, condition %v", err, v.condition())
	}
	if names, err := v.sealedFiles(); err != nil || len(names) > 0 {
		t.Errorf("sealed without a proven key: %v, %v", names, err)
	}
	k.Restart()
	put(t, v, fullRecord(1))
	if got, err := osVault(t, dir).Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(1)) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestLockedWithoutBeingAsked(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	dir := t.TempDir()
	running := osVault(t, dir)
	put(t, running, fullRecord(1))
	k.RestartLocked()

	argv, pids := opChild(t)
	v := patientVault(t, dir, argv)
	start := time.Now()
	_, err := v.Load(t.Context(), "home")
	if !errors.Is(err, ErrLocked) || !errors.Is(v.condition(), ErrLocked) {
		t.Errorf("load: %v, condition %v", err, v.condition())
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("it took %s to say so", took)
	}
	if err := v.Commit(t.Context(), fullRecord(2)); !errors.Is(err, ErrLocked) {
		t.Errorf("commit: %v", err)
	}
	if n := len(pids()); n != 1 {
		t.Errorf("%d helpers were started", n)
	}
	// Asked for, but with no display to prompt on.
	if err := v.Unlock(WithPrompt(t.Context())); !isCondition(err) {
		t.Errorf("unlock without a display: %v", err)
	}
	// The one that has read its key goes on.
	if err := running.Commit(t.Context(), fullRecord(2)); err != nil {
		t.Errorf("commit with the key in memory: %v", err)
	}
	k.Restart()
	if got, err := v.Load(t.Context(), "home"); err != nil || got.Generation != 2 {
		t.Errorf("unlocked again: %+v, %v", got, err)
	}
	if err := v.Settle(t.Context(), "home"); err != nil || v.condition() != nil {
		t.Errorf("settle: %v, condition %v", err, v.condition())
	}
}

// processGone waits until no process of the group is left.
func processGone(t *testing.T, pgid int) {
	t.Helper()
	until(t, "the child's process group is gone", func() bool {
		return errors.Is(syscall.Kill(-pgid, 0), syscall.ESRCH)
	})
}

// until waits for what only asking can tell.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
