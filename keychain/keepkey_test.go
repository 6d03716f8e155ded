package keychain

import (
	"errors"
	"testing"
)

// A keychain that loses the key while the vault holds it gets it back at the next
// settle, and a later start opens the files.
func TestLostKeyIsStoredAgain(t *testing.T) {
	for desc, lose := range map[string]func(*faultStore){
		"gone":    func(s *faultStore) { delete(s.items, keyItem) },
		"empty":   func(s *faultStore) { s.items[keyItem] = "" },
		"garbled": func(s *faultStore) { s.items[keyItem] = "{" },
		"all":     func(s *faultStore) { clear(s.items) },
	} {
		t.Run(desc, func(t *testing.T) {
			f, s := newMemoryFiles(), newFaultStore()
			v := vaultOn(f, s)
			put(t, v, fullRecord(1))
			lose(s)
			if err := v.Commit(t.Context(), fullRecord(2)); err != nil {
				t.Fatal(err)
			}
			s.be(locked)
			if err := v.Settle(t.Context(), "home"); !errors.Is(err, ErrLocked) {
				t.Errorf("locked: %v", err)
			}
			s.be(works)
			if err := v.Settle(t.Context(), "home"); err != nil || v.condition() != nil {
				t.Errorf("settle: %v, condition %v", err, v.condition())
			}
			if got, err := vaultOn(f, s).Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(2)) {
				t.Errorf("the next start: %+v, %v", got, err)
			}
		})
	}
}

// A keychain with another key, as after an old backup of it, is not overwritten: the
// files of that key may come back. The condition says so.
func TestAnotherKeyIsLeftAlone(t *testing.T) {
	f, s := newMemoryFiles(), newFaultStore()
	v := vaultOn(f, s)
	put(t, v, fullRecord(1))
	other := newSealKey().encode()
	s.items[keyItem] = other
	if err := v.Commit(t.Context(), fullRecord(2)); err != nil {
		t.Fatal(err)
	}
	if err := v.Settle(t.Context(), "home"); !errors.Is(err, ErrUnreadable) {
		t.Errorf("settle: %v", err)
	}
	if s.items[keyItem] != other {
		t.Error("the other key was overwritten")
	}
}
