package keychain

import (
	"context"
	"errors"
	"testing"
	"time"

	"shelfkeeper/keychain/keyringtest"
)

// watchBound is how soon a change of the keychain must be known.
const watchBound = 2 * time.Second

// What happens to a keychain is heard of at once: unlocked, locked, killed, back.
// A write of ours is no such change.
func TestWatchHearsOfEveryChange(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan time.Time, 64), make(chan struct{})
	go func() {
		defer close(ended)
		Watch(ctx, func() { heard <- time.Now() })
	}()
	defer func() {
		cancel()
		<-ended
	}()
	k.Restart() // until the watch is there, nothing is heard
	settle := func() {
		for {
			select {
			case <-heard:
			case <-time.After(2 * watchSettle):
				return
			}
		}
	}
	settle()
	for _, c := range []struct {
		desc string
		do   func()
	}{
		{"locked", k.Lock},
		{"killed", k.Kill},
		{"back and locked", k.RestartLocked},
		{"killed again", k.Kill},
		{"back", k.Restart},
	} {
		began := time.Now()
		c.do()
		done := time.Now()
		select {
		case at := <-heard:
			if late := at.Sub(done); late > watchBound {
				t.Errorf("%s: %v after it", c.desc, late)
			}
		case <-time.After(watchBound + time.Until(done)):
			t.Errorf("%s: not heard of within %v", c.desc, time.Since(began))
		}
		settle()
	}
	v := osVault(t, t.TempDir())
	put(t, v, fullRecord(1))
	select {
	case <-heard:
		t.Error("a write of ours is taken for a change of the keychain")
	case <-time.After(3 * watchSettle):
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
	case <-time.After(10 * time.Second):
		t.Fatal("it still waits")
	}
}
