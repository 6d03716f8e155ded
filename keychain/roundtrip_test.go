package keychain

import (
	"errors"
	"testing"
)

// A round trip leaves nothing behind, and tells a keychain that works from one that is
// locked, forgets or changes what it is given.
func TestRoundTrip(t *testing.T) {
	f, s := newMemoryFiles(), newFaultStore()
	put(t, vaultOn(f, s), record(1))
	before := len(s.items)
	v := vaultOn(f, s)
	if _, err := v.Try(t.Context()); err != nil || len(s.items) != before {
		t.Errorf("%v, %d items, %d before", err, len(s.items), before)
	}
	for fault, want := range map[fault]error{locked: ErrLocked, lies: ErrNotFound, garbles: ErrCorrupt, failsNone: errInjected} {
		s.be(fault)
		if _, err := v.Try(t.Context()); !errors.Is(err, want) {
			t.Errorf("fault %d: %v", fault, err)
		}
		s.be(works) // what a keychain garbles it keeps
		if err := s.delete(t.Context(), tryItem); err != nil {
			t.Fatal(err)
		}
	}
}
