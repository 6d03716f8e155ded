package accounts

import (
	"os"
	"path/filepath"
	"testing"
)

func TestObserve(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.Add(t.Context(), Account{Name: "home", Server: "https://abs.example", ServerVersion: "2.35.0", Username: "alice",
		Method: Password, Store: "os"}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Observe(t.Context(), "home", "2.36.0", "zoe"); err != nil {
		t.Fatal(err)
	}
	a.ServerVersion, a.Username = "2.36.0", "zoe"
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := again.Get("home"); got != a {
		t.Errorf("got %+v, want %+v", got, a)
	}
	// What is known already, or nothing at all, is not written again.
	before, err := os.Stat(filepath.Join(dir, "accounts.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range [][3]string{{"home", "2.36.0", "zoe"}, {"home", "", ""}, {"attic", "1", "x"}} {
		if err := b.Observe(t.Context(), what[0], what[1], what[2]); err != nil {
			t.Error(err)
		}
	}
	if after, err := os.Stat(filepath.Join(dir, "accounts.json")); err != nil || !os.SameFile(before, after) {
		t.Errorf("it was written again: %v", err)
	}
}
