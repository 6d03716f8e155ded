package home

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// While somebody is asked for the vault's passphrase, everything goes on that
// does not need the vault, and whoever needs it can give up.
func TestPromptHoldsNothingUp(t *testing.T) {
	h := testHome(t, newFake(t, absfake.Config{}))
	h.Backend = keychain.File
	asked, answer := make(chan struct{}), make(chan struct{})
	errNever := errors.New("never mind")
	h.Passphrase = func(context.Context, bool) (redact.Secret, error) {
		close(asked)
		<-answer
		return redact.Secret{}, errNever
	}
	opened := make(chan error, 1)
	go func() {
		_, err := h.openVault(t.Context(), "")
		opened <- err
	}()
	<-asked
	free := make(chan struct{})
	go func() {
		defer close(free)
		h.Identities("home")
		_ = h.waiting()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := h.openVault(ctx, ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("another who needs the vault: %v", err)
		}
	}()
	select {
	case <-free:
	case <-time.After(time.Minute):
		t.Error("the prompt holds everything up")
	}
	close(answer)
	if err := <-opened; !errors.Is(err, errNever) {
		t.Errorf("the one who was asked: %v", err)
	}
	<-free
}

// A Home that is closed while its vault is being opened leaves none open.
func TestCloseWhileTheVaultOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := Open(Options{Backend: keychain.Memory, Paths: testPaths(t), Log: discard})
		if err != nil {
			t.Fatal(err)
		}
		h.opening <- struct{}{}
		opened := make(chan error, 1)
		go func() {
			_, err := h.openVault(t.Context(), "")
			opened <- err
		}()
		synctest.Wait()
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		<-h.opening
		if err := <-opened; !errors.Is(err, errClosed) {
			t.Errorf("got %v", err)
		}
	})
}
