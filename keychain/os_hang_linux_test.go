package keychain

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/keychain/keyringtest"
)

// waitPrompt waits until a prompt is on the screen.
func waitPrompt(t *testing.T, k *keyringtest.Keyring) {
	t.Helper()
	until(t, "a prompt appears", k.Prompting)
}

// A prompt that nobody answers: the call ends at its deadline and the prompt with
// it, and meanwhile everything goes on that needs no keychain or no prompt.
func TestPromptNobodyAnswers(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{Prompts: true})
	dir := t.TempDir()
	argv, pids := opChild(t)
	v := patientVault(t, dir, argv)
	put(t, v, fullRecord(1))
	k.Lock()
	if err := v.Commit(t.Context(), fullRecord(2)); err != nil {
		t.Fatal(err)
	}
	calls := len(pids())
	const limit = patience / 4
	v.store.(*osStore).limit = limit

	start := time.Now()
	settled := make(chan error, 1)
	go func() { settled <- v.Settle(WithPrompt(t.Context()), "home") }()
	waitPrompt(t, k)
	other := fullRecord(1)
	other.Account = "work"
	for range 3 {
		if got, err := v.Load(t.Context(), "home"); err != nil || got.Generation != 2 {
			t.Errorf("load: %+v, %v", got, err)
		}
		if err := v.Commit(t.Context(), fullRecord(2)); err != nil {
			t.Errorf("commit: %v", err)
		}
		if _, err := v.Load(t.Context(), "work"); !errors.Is(err, ErrLocked) {
			t.Errorf("another account's load, not asked: %v", err)
		}
	}
	select {
	case err := <-settled:
		t.Fatalf("the prompt did not hold: %v", err)
	default:
	}
	err := <-settled
	if !errors.Is(err, ErrHanging) || !errors.Is(err, ErrSlotPending) {
		t.Errorf("settle: %v", err)
	}
	if took := time.Since(start); took < limit || took > patience {
		t.Errorf("it ended after %s", took)
	}
	if !errors.Is(v.condition(), ErrHanging) {
		t.Errorf("condition: %v", v.condition())
	}
	until(t, "the prompt is taken off the screen", func() bool { return !k.Prompting() })
	if n := len(pids()); n != calls {
		t.Errorf("%d more helpers were started", n-calls)
	}
}

// Close does not wait for the prompt's deadline.
func TestCloseEndsAPrompt(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{Prompts: true})
	k.Lock()
	argv, pids := opChild(t)
	v := patientVault(t, t.TempDir(), argv)
	unlocked := make(chan error, 1)
	go func() { unlocked <- v.Unlock(WithPrompt(t.Context())) }()
	waitPrompt(t, k)
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if err := <-unlocked; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	processGone(t, pids()[0])
}

// What go-keyring does when something dies during its prompt differs (a nil
// panic, a wait for ever); what we say does not.
func TestDeathDuringAPrompt(t *testing.T) {
	for _, c := range []struct {
		desc string
		die  func(*keyringtest.Keyring)
		want []error
	}{
		{"the bus", (*keyringtest.Keyring).KillBus, []error{ErrAbsent}},
		{"the keyring", (*keyringtest.Keyring).Kill, []error{ErrHanging, ErrAbsent}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			k := keyringtest.Start(t, keyringtest.Options{Prompts: true})
			k.Lock()
			argv, pids := opChild(t)
			s := storeOf(t, argv, patience/2)
			answered := make(chan error, 1)
			go func() {
				_, err := s.get(WithPrompt(t.Context()), "home/a")
				answered <- err
			}()
			waitPrompt(t, k)
			c.die(k)
			err := <-answered
			ok := false
			for _, want := range c.want {
				ok = ok || errors.Is(err, want)
			}
			if !ok || errors.Is(err, ErrNotFound) {
				t.Errorf("got %v", err)
			}
			t.Log(err)
			processGone(t, pids()[0])
		})
	}
}

// A stopped keyring or bus answers nothing, not even the probe.
func TestStoppedProcesses(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	s := osChild(t, time.Second)
	for desc, pid := range map[string]int{"keyring": k.PID(), "bus": k.BusPID()} {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := s.get(t.Context(), "home/a"); !errors.Is(err, ErrHanging) {
			t.Errorf("stopped %s: %v", desc, err)
		}
		if took := time.Since(start); took > patience {
			t.Errorf("stopped %s: %s", desc, took)
		}
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	s.limit = patience
	if _, err := s.get(t.Context(), "home/a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("running again: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	t.Run("no service", func(t *testing.T) {
		keyringtest.Start(t, keyringtest.Options{NoService: true})
		if _, err := osChild(t, 0).get(t.Context(), "x"); !errors.Is(err, ErrAbsent) ||
			!strings.Contains(err.Error(), "no secrets service") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("dead bus", func(t *testing.T) {
		k := keyringtest.Start(t, keyringtest.Options{})
		k.KillBus()
		if _, err := osChild(t, 0).get(t.Context(), "x"); !errors.Is(err, ErrAbsent) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("bus in the runtime directory", func(t *testing.T) {
		keyringtest.Start(t, keyringtest.Options{})
		_ = os.Unsetenv(busVariable)
		s := osChild(t, 0)
		if err := s.set(t.Context(), "x", "y"); err != nil {
			t.Fatal(err)
		}
		if v, err := s.get(t.Context(), "x"); err != nil || v != "y" {
			t.Errorf("got %q, %v", v, err)
		}
	})
	for _, address := range []string{"", "autolaunch:", "unix:path=/nonexistent", "unixexec:path=x", "tcp:host=127.0.0.1,port=1", "%zz",
		"unix:path=%zz"} {
		t.Run("address "+address, func(t *testing.T) {
			started := fakeLauncher(t)
			t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
			t.Setenv(busVariable, address)
			if address == "" {
				_ = os.Unsetenv(busVariable)
			}
			argv, pids := opChild(t)
			if _, err := storeOf(t, argv, 0).get(t.Context(), "x"); !errors.Is(err, ErrAbsent) {
				t.Errorf("got %v", err)
			}
			if len(pids()) != 0 {
				t.Error("a call was made")
			}
			// The child by itself, as a person may run it.
			c, err := startChild(argv, os.Environ())
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			if a, err := c.ask(t.Context(), callOp{Op: opGet, Item: "x", Within: 5000}); err != nil || a.Code != opAbsent {
				t.Errorf("the child: %+v, %v", a, err)
			}
			if _, err := os.Stat(started); err == nil {
				t.Error("dbus-launch was started")
			}
		})
	}
}

// fakeLauncher puts a dbus-launch into the path that leaves a trace.
func fakeLauncher(t *testing.T) (trace string) {
	dir := t.TempDir()
	trace = filepath.Join(dir, "started")
	script := "#!/bin/sh\n: > '" + trace + "'\necho DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent\n"
	if err := os.WriteFile(filepath.Join(dir, "dbus-launch"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return trace
}

// A child that misbehaves is a condition with evidence, never our crash.
func TestBrokenChildren(t *testing.T) {
	keyringtest.Start(t, keyringtest.Options{})
	for _, c := range []struct {
		desc, script string
		want         error
		text         string
	}{
		{"exits", "echo 'panic: nil eyJhbGciOiJub25l.eyJhIjoxfQ.x' >&2; echo more >&2; exit 3", ErrAbsent, "exit status 3"},
		{"is killed", "kill -9 $$", ErrAbsent, "killed"},
		{"says nothing", "exit 0", ErrAbsent, "without an answer"},
		{"says rubbish", "echo '{\"code\":'", ErrAbsent, "without an answer"},
		{"floods", "yes | head -c 1000000; exit 1", ErrAbsent, "exit status 1"},
		{"hangs, with a child of its own", "sleep 1000 & sleep 1000", ErrHanging, "2s"},
		{"is of another version", `echo '{"v":1}' | exec env ` + roleVariable + `=op "$0"`, ErrAbsent, "exit status 2"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			limit := patience
			if errors.Is(c.want, ErrHanging) {
				limit = 2 * time.Second
			}
			s := storeOf(t, []string{"/bin/sh", "-c", c.script, self}, limit)
			_, err = s.get(t.Context(), "x")
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "eyJ") || strings.Contains(err.Error(), "more")) {
				t.Errorf("it shows too much: %v", err)
			}
		})
	}
	s := storeOf(t, []string{filepath.Join(t.TempDir(), "none")}, 0)
	if _, err := s.get(t.Context(), "x"); !errors.Is(err, ErrAbsent) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing program: %v", err)
	}
}
