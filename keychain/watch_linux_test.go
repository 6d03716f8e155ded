package keychain

import (
	"context"
	"errors"
	"testing"
	"time"

	"shelfkeeper/keychain/keyringtest"
)

const (
	// watchBound is how soon a change of the keychain must be known, also on a busy
	// machine: far sooner than whoever looks again after watchRetry knows it.
	watchBound = watchRetry / 3
	// silence is after how long nothing more is said about a change.
	silence = 8 * watchSettle
)

// change is something that happens to a keychain.
type change struct {
	desc string
	do   func()
}

// hears fails unless each change is heard of in time. The first one only makes sure
// that the watch is there. It returns what waits until all is quiet, and reports
// whether something was heard before.
func hears(t *testing.T, first func(), changes ...change) (quiet func() (heard bool)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan time.Time, 64), make(chan struct{})
	go func() {
		defer close(ended)
		Watch(ctx, func() { heard <- time.Now() })
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	quiet = func() (any bool) {
		for {
			select {
			case <-heard:
				any = true
			case <-time.After(silence):
				return any
			}
		}
	}
	for first(); !quiet(); first() { // until then the watch may not be there yet
	}
	for _, c := range changes {
		c.do()
		done := time.Now()
		select {
		case at := <-heard:
			if late := at.Sub(done); late > watchBound {
				t.Errorf("%s: %v after it", c.desc, late)
			}
		case <-time.After(watchBound):
			t.Errorf("%s: not heard of", c.desc)
		}
		quiet()
	}
	return quiet
}

// What happens to a keychain is heard of at once: unlocked, locked, killed, back.
// A write of ours is no such change.
func TestWatchHearsOfEveryChange(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	quiet := hears(t, k.Restart,
		change{"locked", k.Lock}, change{"killed", k.Kill}, change{"back and locked", k.RestartLocked},
		change{"killed again", k.Kill}, change{"back", k.Restart})
	put(t, osVault(t, t.TempDir()), fullRecord(1))
	if quiet() {
		t.Error("a write of ours is taken for a change of the keychain")
	}
}

func TestWatchHearsOfAWallet(t *testing.T) {
	w := keyringtest.StartWallet(t)
	quiet := hears(t, func() { w.Kill(); w.Restart() },
		change{"closed", w.Close}, change{"killed", w.Kill}, change{"back and open", w.Restart})
	v := osVault(t, t.TempDir())
	put(t, v, fullRecord(1))
	quiet() // the first call after a login unlocks what is open already
	put(t, v, fullRecord(2))
	if quiet() {
		t.Error("a write of ours is taken for a change of the keychain")
	}
}

func TestWatchHearsOfKeePassXC(t *testing.T) {
	k := keyringtest.StartKeePassXC(t, true)
	unlock := func() {
		if err := osVault(t, t.TempDir()).Unlock(answering(t, k)); err != nil {
			t.Errorf("unlock: %v", err)
		}
	}
	quiet := hears(t, k.Restart,
		change{"locked", k.Lock}, change{"unlocked", unlock}, change{"killed", k.Kill}, change{"back and unlocked", k.Restart})
	put(t, osVault(t, t.TempDir()), fullRecord(1))
	if quiet() {
		t.Error("a write of ours is taken for a change of the keychain")
	}
}

// The service ends while its prompt is on the screen: whoever waits learns it at
// once, and not after the two minutes of a prompt.
func TestPromptEndsWithItsService(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{Prompts: true})
	dir := t.TempDir()
	put(t, osVault(t, dir), fullRecord(1))
	k.Lock()
	v := osVault(t, dir)
	unlocked := make(chan error, 1)
	go func() { unlocked <- v.Unlock(WithPrompt(t.Context())) }()
	waitPrompt(t, k)
	began := time.Now()
	k.Kill()
	select {
	case err := <-unlocked:
		if !errors.Is(err, ErrAbsent) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > watchBound {
			t.Errorf("after %v", took)
		}
	case <-time.After(time.Minute):
		t.Fatal("it still waits")
	}
}
