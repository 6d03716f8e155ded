package keychain

import (
	"errors"
	"testing"

	"shelfkeeper/keychain/keyringtest"
)

// A KDE desktop after a login: PAM has opened the wallet, and its secrets service
// calls it locked. It is used in silence. A wallet that is closed stays closed, and
// nothing asks the user.
func TestWalletThatIsOpenIsUsed(t *testing.T) {
	w := keyringtest.StartWallet(t)
	dir := t.TempDir()
	v := osVault(t, dir)
	if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("opened by PAM: %v", err)
	}
	put(t, v, fullRecord(1))
	put(t, v, fullRecord(2))

	s := osChild(t, 0)
	w.Close() // which writes it to disk
	if _, err := s.get(t.Context(), "home/a"); !errors.Is(err, ErrLocked) {
		t.Errorf("closed: %v", err)
	}

	w.Kill()
	if _, err := s.get(t.Context(), "home/a"); !errors.Is(err, ErrAbsent) {
		t.Errorf("killed: %v", err)
	}

	w.Restart() // the next login
	v = osVault(t, dir)
	if got, err := v.Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(2)) {
		t.Fatalf("after the next login: %+v, %v", got, err)
	}
	for item, generation := range map[string]uint64{"home/a": 1, "home/b": 2} {
		if value, err := s.get(t.Context(), item); err != nil || value == "" {
			t.Errorf("item %s of generation %d: %v", item, generation, err)
		}
	}

	// It dies in the middle of a session, between two renewals and in one, and
	// comes back.
	w.Kill()
	if err := v.Commit(t.Context(), fullRecord(3)); err != nil {
		t.Fatal(err)
	}
	if err := v.Settle(t.Context(), "home"); !errors.Is(err, ErrAbsent) || !errors.Is(v.condition(), ErrSlotPending) {
		t.Errorf("dead: settle %v, condition %v", err, v.condition())
	}
	w.Restart()
	if err := v.Settle(t.Context(), "home"); err != nil {
		t.Errorf("back: %v", err)
	}
	for g, step := range []string{"slot-write", "slot-written"} {
		afterStep = func(s string) {
			if s == step {
				afterStep = nil
				w.Kill()
			}
		}
		rec := fullRecord(uint64(g) + 4)
		if err := v.Commit(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		if err := v.Settle(t.Context(), "home"); !errors.Is(err, ErrAbsent) {
			t.Errorf("killed at %s: %v", step, err)
		}
		w.Restart()
		if got, err := osVault(t, dir).Load(t.Context(), "home"); err != nil || !sameRecord(got, rec) {
			t.Errorf("killed at %s: %+v, %v", step, got, err)
		}
		if err := v.Settle(t.Context(), "home"); err != nil {
			t.Errorf("killed at %s, and back: %v", step, err)
		}
	}
	if err := v.condition(); err != nil {
		t.Errorf("killed while in use: %v", err)
	}
}
