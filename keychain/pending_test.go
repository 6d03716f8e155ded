package keychain

import (
	"errors"
	"strings"
	"testing"
)

// A sign-out that could not clean the keychain is finished by the next process
// that can, without the user.
func TestSignOutIsFinishedLater(t *testing.T) {
	for _, f := range []fault{failsNone, failsDone, failsLate, empties, lies, garbles, locked} {
		items, disk := newFaultStore(), newMemoryFiles()
		v := vaultOn(disk, items)
		for g := uint64(1); g <= 2; g++ {
			put(t, v, fullRecord(g))
		}
		items.be(f)
		if err := v.Forget(t.Context(), "home"); !errors.Is(err, ErrSlotPending) {
			t.Fatalf("fault %d: %v", f, err)
		}
		if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
			t.Fatalf("fault %d: not signed out: %v", f, err)
		}
		_ = v.Close()

		later := vaultOn(disk, items) // another process; the key may be locked away
		if err := later.Finish(t.Context()); err == nil && f == locked {
			t.Errorf("fault %d: finished without a keychain", f)
		}
		items.be(works)
		if err := later.Finish(t.Context()); err != nil {
			t.Errorf("fault %d: %v", f, err)
		}
		items.arrive()
		if accounts, err := pendingSignOuts(disk); err != nil || len(accounts) > 0 {
			t.Errorf("fault %d: still pending: %v, %v", f, accounts, err)
		}
		for item, value := range items.items {
			if f != failsLate && strings.Contains(value, fullRecord(1).Password.Secret().Reveal()) {
				t.Errorf("fault %d: %s still has the password", f, item)
			}
		}
		calls := items.calls
		if err := later.Finish(t.Context()); err != nil || items.calls != calls {
			t.Errorf("fault %d: a finished sign-out asks the keychain again: %v", f, err)
		}
	}
}

// Who signs in again before the sign-out was finished keeps the new session.
func TestFinishTouchesNoNewSession(t *testing.T) {
	items, disk := newFaultStore(), newMemoryFiles()
	v := vaultOn(disk, items)
	put(t, v, fullRecord(1))
	items.be(failsNone)
	if err := v.Forget(t.Context(), "home"); !errors.Is(err, ErrSlotPending) {
		t.Fatal(err)
	}
	items.be(works)
	put(t, v, fullRecord(3))
	if err := vaultOn(disk, items).Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := vaultOn(disk, items).Load(t.Context(), "home"); err != nil || !sameRecord(r, fullRecord(3)) {
		t.Errorf("got %+v, %v", r, err)
	}
}
