package accounts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A new name is one write: what lies under the first name stays, and that name
// goes on meaning the account.
func TestRename(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	one := Account{Name: "old", Server: "https://a.example", Username: "alice", Method: Password, Store: "file"}
	first, err := b.Add(t.Context(), one, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	other := one
	other.Name, other.Username = "other", "bob"
	if _, err := b.Add(t.Context(), other, 0, nil); err != nil {
		t.Fatal(err)
	}
	format := func(want string) {
		t.Helper()
		if raw, err := os.ReadFile(filepath.Join(dir, fileName)); err != nil || !strings.Contains(string(raw), `"version": `+want) {
			t.Errorf("%v\n%s", err, raw)
		}
	}
	format("1") // an older program may read it
	renamed, err := b.Rename(t.Context(), "old", "new")
	if err != nil || renamed.Shown() != "new" || renamed.Name != first.Name || renamed.Port != first.Port {
		t.Fatalf("%+v, %v", renamed, err)
	}
	format("2")
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old", "new"} {
		if a, ok := again.Get(name); !ok || a != renamed {
			t.Errorf("%s is %+v", name, a)
		}
		third := one
		third.Name, third.Username = name, "carol"
		if _, err := again.Add(t.Context(), third, 0, nil); !errors.Is(err, ErrExists) {
			t.Errorf("%s is given once more: %v", name, err)
		}
		if _, err := again.Rename(t.Context(), "other", name); !errors.Is(err, ErrExists) {
			t.Errorf("another account is called %s: %v", name, err)
		}
	}
	if _, err := again.Rename(t.Context(), "old", "../x"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a bad name: %v", err)
	}
	if _, err := again.Rename(t.Context(), "nobody", "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if back, err := again.Rename(t.Context(), "new", "old"); err != nil || back.Alias != "" {
		t.Errorf("%+v, %v", back, err)
	}
	format("1")
	if err := again.Remove(t.Context(), "old"); err != nil || len(again.All()) != 1 {
		t.Error(err)
	}
}
