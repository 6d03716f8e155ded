package keychain

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// A sign-out leaves nothing of the account, not even a journal that nobody can
// read now: its key may come back.
func TestForgetErasesUnreadableJournals(t *testing.T) {
	f, s := newMemoryFiles(), newFaultStore()
	v := vaultOn(f, s)
	put(t, v, record(4))
	name := journalName("home", v.heldKey())
	f.content[name] = f.content[name][:40]
	f.content[setAsidePrefix+"home.0123abcd.1"] = []byte("an older one")
	f.content[setAsidePrefix+"other.0123abcd.1"] = []byte("another account's")
	v = vaultOn(f, s)
	if err := v.Forget(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	for name := range f.content {
		if strings.HasPrefix(name, setAsidePrefix+"home.") {
			t.Errorf("%s is left", name)
		}
	}
	if f.content[setAsidePrefix+"other.0123abcd.1"] == nil {
		t.Error("another account's journal is gone")
	}
	if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
		t.Errorf("load: %v", err)
	}
}

func TestJournaled(t *testing.T) {
	f := newMemoryFiles()
	for _, name := range []string{"home", "Äh/", "a-b_c"} {
		f.content[journalPrefix+fileName(name)+".0123abcd"] = nil
	}
	f.content[journalPrefix+"home.4567abcd"] = nil // of another key
	f.content["vault.json"], f.content[markPrefix+"gone"], f.content[journalPrefix+"%zz.0123"] = nil, nil, nil
	got, err := journaled(f)
	slices.Sort(got)
	if want := []string{"a-b_c", "home"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}
