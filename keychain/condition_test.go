package keychain

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// A keychain that locks itself after the start costs nothing but the slot.
func TestLockedLater(t *testing.T) {
	f, s := newMemoryFiles(), newFaultStore()
	put(t, vaultOn(f, s), record(1))

	v := vaultOn(f, s)
	if _, err := v.Load(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	s.be(locked)
	before := s.calls
	if err := v.Commit(t.Context(), record(2)); err != nil {
		t.Fatal("commit:", err)
	}
	if got, err := v.Load(t.Context(), "home"); err != nil || got.Generation != 2 {
		t.Fatal(got, err)
	}
	if s.calls != before {
		t.Errorf("%d keychain calls after the start", s.calls-before)
	}
	if err := v.Settle(t.Context(), "home"); !errors.Is(err, ErrSlotPending) || !errors.Is(err, ErrLocked) {
		t.Errorf("settle: %v", err)
	}
	if err := v.condition(); !errors.Is(err, ErrSlotPending) || !errors.Is(err, ErrLocked) {
		t.Errorf("condition: %v", err)
	}
	s.be(works)
	if err := v.Settle(t.Context(), "home"); err != nil || v.condition() != nil {
		t.Errorf("settle: %v, condition %v", err, v.condition())
	}
}

// The key can be read, the slots cannot: the journal is enough.
func TestSlotsUnreadableAtStart(t *testing.T) {
	f, s := newMemoryFiles(), newFaultStore()
	put(t, vaultOn(f, s), record(1))
	v := vaultOn(f, s)
	if err := v.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.be(locked)
	before := s.gets["home/a"]
	for range 3 {
		if got, err := v.Load(t.Context(), "home"); err != nil || got.Generation != 1 {
			t.Fatal(got, err)
		}
	}
	if n := s.gets["home/a"] - before; n != 1 {
		t.Errorf("an unreadable slot was asked for %d times", n)
	}
	if !errors.Is(v.condition(), ErrSlotPending) {
		t.Errorf("condition: %v", v.condition())
	}
	// Another account without a journal is unknown, not absent.
	if _, err := v.Load(t.Context(), "work"); !errors.Is(err, ErrLocked) || errors.Is(err, ErrNotFound) {
		t.Errorf("unknown account: %v", err)
	}
}

func TestEmptyIsAbsentAndDamagedIsReported(t *testing.T) {
	f, s := newMemoryFiles(), newFaultStore()
	v := vaultOn(f, s)
	put(t, v, record(1))
	put(t, v, record(2))
	s.items["home/a"], s.items["home/b"] = "", "rubbish"
	v = vaultOn(f, s)
	if got, err := v.Load(t.Context(), "home"); err != nil || got.Generation != 2 {
		t.Fatal(got, err)
	}
	if err := v.condition(); !errors.Is(err, ErrSlotPending) {
		t.Errorf("condition: %v", err)
	}
	alone := vaultOn(newMemoryFiles(), s.clone())
	if _, err := alone.Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing valid: %v", err)
	}
	if err := alone.condition(); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "home/b") {
		t.Errorf("a damaged item is not reported: %v", err)
	}
	if err := v.Settle(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	put(t, v, record(3))
	if err := v.condition(); err != nil {
		t.Errorf("still %v after both slots were rewritten", err)
	}
}

// One line per change of condition, without secrets.
func TestConditionIsLoggedOnce(t *testing.T) {
	var log strings.Builder
	f, s := newMemoryFiles(), newFaultStore()
	put(t, vaultOn(f, s), record(1))
	v := vaultOn(f, s)
	v.log = slog.New(slog.NewTextHandler(&log, nil))
	s.be(locked)
	for range 5 {
		_, _ = v.Load(t.Context(), "home")
	}
	s.be(works)
	for range 5 {
		_, _ = v.Load(t.Context(), "home")
	}
	if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "locked") ||
		!strings.Contains(log.String(), "in order") {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// Before a sign-in it must be known that its outcome can be kept.
func TestPrepare(t *testing.T) {
	f, s := newMemoryFiles(), newFaultStore()
	s.be(locked)
	v := vaultOn(f, s)
	if err := v.Prepare(t.Context()); !errors.Is(err, ErrLocked) {
		t.Errorf("locked: %v", err)
	}
	s.be(works)
	if err := v.Unlock(t.Context()); err != nil || s.items[keyItem] != "" {
		t.Errorf("unlock made a key, or %v", err)
	}
	if err := v.Prepare(t.Context()); err != nil || s.items[keyItem] == "" {
		t.Errorf("prepare made no key: %v", err)
	}
	s.be(locked)
	if err := v.Commit(t.Context(), record(1)); !errors.Is(err, ErrLocked) {
		t.Errorf("slots never seen: %v", err) // they could hold a tombstone
	}
}
