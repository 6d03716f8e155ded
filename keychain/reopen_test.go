package keychain

import (
	"errors"
	"testing"
)

// What a memory vault holds is found by the one that is opened on it again,
// whether or not the slots were written, and locks are its own.
func TestReopen(t *testing.T) {
	first, err := Open(t.Context(), Options{Backend: Memory})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Commit(t.Context(), fullRecord(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Acquire(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	again := first.Reopen()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	release, err := again.Acquire(t.Context(), "home")
	if err != nil {
		t.Fatal(err)
	}
	release()
	if got, err := again.Load(t.Context(), "home"); err != nil || got.Generation != 1 || !errors.Is(again.condition(), ErrSlotPending) {
		t.Errorf("got generation %d, %v, condition %v", got.Generation, err, again.condition())
	}
	if err := again.Settle(t.Context(), "home"); err != nil {
		t.Error(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
