package keychain

import (
	"errors"
	"strings"
	"testing"
)

func TestNewerIsUntouched(t *testing.T) {
	for _, where := range []string{"slot", "journal", "key"} {
		t.Run(where, func(t *testing.T) {
			f, s := newMemoryFiles(), newFaultStore()
			v := vaultOn(f, s)
			put(t, v, record(1))
			name := journalName("home", v.heldKey())
			switch where {
			case "slot":
				s.items["home/b"] = `{"v":9}`
			case "journal":
				f.content[name] = v.heldKey().seal(journalPurpose("home"), []byte(`{"v":9}`))
			case "key":
				s.items[keyItem] = `{"v":9}`
			}
			items, journal := s.clone().items, string(f.content[name])
			v = vaultOn(f, s)
			if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrNewer) {
				t.Errorf("load: %v", err)
			}
			if err := v.Commit(t.Context(), record(2)); !errors.Is(err, ErrNewer) {
				t.Errorf("commit: %v", err)
			}
			if err := v.Settle(t.Context(), "home"); where != "slot" && !errors.Is(err, ErrNewer) {
				t.Errorf("settle: %v", err)
			}
			if err := v.Forget(t.Context(), "home"); !errors.Is(err, ErrNewer) {
				t.Errorf("forget: %v", err)
			}
			if !errors.Is(v.condition(), ErrNewer) {
				t.Errorf("condition: %v", v.condition())
			}
			for item, value := range items {
				if s.items[item] != value {
					t.Errorf("%s was changed", item)
				}
			}
			if string(f.content[name]) != journal {
				t.Error("the journal was changed")
			}
		})
	}
}

func TestUnreadableJournal(t *testing.T) {
	for _, c := range []struct {
		desc string
		harm func(*memoryFiles, *faultStore, string)
	}{
		{"torn", func(f *memoryFiles, _ *faultStore, name string) { f.content[name] = f.content[name][:40] }},
		{"empty", func(f *memoryFiles, _ *faultStore, name string) { f.content[name] = nil }},
		{"the key is gone", func(_ *memoryFiles, s *faultStore, _ string) { delete(s.items, keyItem) }},
		{"the key is empty", func(_ *memoryFiles, s *faultStore, _ string) { s.items[keyItem] = "" }},
		{"the key is damaged", func(_ *memoryFiles, s *faultStore, _ string) { s.items[keyItem] = "rubbish" }},
		{"another key", func(_ *memoryFiles, s *faultStore, _ string) { s.items[keyItem] = newSealKey().encode() }},
	} {
		t.Run(c.desc, func(t *testing.T) {
			f, s := newMemoryFiles(), newFaultStore()
			v := vaultOn(f, s)
			put(t, v, record(4))
			name := journalName("home", v.heldKey())
			c.harm(f, s, name)
			kept, key := string(f.content[name]), s.items[keyItem]

			v = vaultOn(f, s)
			// The slot alone could be older than a sign-out in the journal.
			if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), name) {
				t.Errorf("load: %v", err)
			}
			if !errors.Is(v.condition(), ErrUnreadable) {
				t.Errorf("condition: %v", v.condition())
			}
			if err := v.Commit(t.Context(), record(9)); !errors.Is(err, ErrUnreadable) {
				t.Errorf("commit: %v", err)
			}
			if string(f.content[name]) != kept || s.items[keyItem] != key {
				t.Fatal("the journal or the key was changed")
			}

			moved, err := v.SetAside(t.Context(), "home")
			if err != nil || len(moved) != 1 || string(f.content[moved[0]]) != kept {
				t.Fatalf("set aside: %v, %v", moved, err)
			}
			next, err := v.nextGeneration(t.Context(), "home")
			if err != nil || next != 5 { // the slot still tells
				t.Errorf("next generation %d, %v", next, err)
			}
			put(t, v, record(next))
			if got, err := vaultOn(f, s).Load(t.Context(), "home"); err != nil || got.Generation != next || v.condition() != nil {
				t.Errorf("after a new sign-in: %+v, %v, %v", got, err, v.condition())
			}
		})
	}
}

// A second account's unreadable journal keeps a new key from being made too.
func TestNoNewKeyWhileSomethingIsSealed(t *testing.T) {
	f, s := newMemoryFiles(), newFaultStore()
	put(t, vaultOn(f, s), record(1))
	delete(s.items, keyItem)
	v := vaultOn(f, s)
	other := record(1)
	other.Account = "work"
	if err := v.Commit(t.Context(), other); !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), "journal.home.") {
		t.Errorf("commit: %v", err)
	}
	if err := v.Prepare(t.Context()); !errors.Is(err, ErrUnreadable) {
		t.Errorf("prepare: %v", err)
	}
	if s.items[keyItem] != "" {
		t.Error("a new key was made")
	}
	if err := v.Forget(t.Context(), "home"); err != nil { // the user's explicit act
		t.Errorf("forget: %v", err)
	}
	if err := v.Commit(t.Context(), other); err != nil {
		t.Errorf("commit after that: %v", err)
	}
}
