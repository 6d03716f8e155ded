package accounts

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/durable"
)

const stored = `{"name": "home", "server": "https://abs.example", "server_version": "2.36.0", "username": "bob", "user_id": "u-1",
 "method": "password", "port": 13379, "store": "os", "allow_http": false, "created_at": "2026-01-02T03:04:05Z"}`

func writeFile(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, fileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReadsItsFormat(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, `{"version": 1, "accounts": [`+stored+`]}`)
	a, ok := open(t, dir).Default()
	if !ok || a.Server != "https://abs.example" || a.Port != 13379 || a.Method != Password || a.CreatedAt.Year() != 2026 {
		t.Errorf("got %+v", a)
	}
}

// A file that this version did not write is neither read nor replaced, by
// whatever call.
func TestForeignFilesAreLeftAlone(t *testing.T) {
	other := strings.NewReplacer("home", "work", "13379", "13381").Replace(stored)
	for _, c := range []struct {
		desc, text string
		want       error
	}{
		{"newer", `{"version": 3, "accounts": {"shape": "unknown"}}`, ErrNewer},
		{"empty", "", ErrUnreadable},
		{"half", `{"version": 1, "accounts": [`, ErrUnreadable},
		{"not JSON", "version = 1", ErrUnreadable},
		{"no version", `{"accounts": []}`, ErrUnreadable},
		{"version 0", `{"version": 0, "accounts": []}`, ErrUnreadable},
		{"a field of another program", `{"version": 1, "accounts": [], "theme": "dark"}`, ErrUnreadable},
		{"something behind", `{"version": 1, "accounts": []} x`, ErrUnreadable},
		{"an invalid account", `{"version": 1, "accounts": [` + strings.Replace(stored, "home", "../x", 1) + `]}`, ErrUnreadable},
		{"a name twice", `{"version": 1, "accounts": [` + stored + `,` + strings.Replace(other, "work", "home", 1) + `]}`, ErrUnreadable},
		{"a port twice", `{"version": 1, "accounts": [` + stored + `,` + strings.Replace(other, "13381", "13379", 1) + `]}`, ErrUnreadable},
		{"wrong type", `{"version": 1, "accounts": "none"}`, ErrUnreadable},
		{"null", `null`, ErrUnreadable},
	} {
		t.Run(c.desc, func(t *testing.T) {
			dir := t.TempDir()
			b := open(t, dir) // the file appears later, as when another version ran meanwhile
			writeFile(t, dir, c.text)
			_, openErr := Open(dir)
			_, addErr := b.Add(t.Context(), sample("new"), 0, nil)
			for _, err := range []error{openErr, addErr, b.Reload(), b.Put(t.Context(), sample("new")), b.Remove(t.Context(), "home")} {
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), fileName) || !strings.Contains(err.Error(), "left as it is") {
					t.Errorf("got %v, want %v with path and remedy", err, c.want)
				}
			}
			if got, err := os.ReadFile(filepath.Join(dir, fileName)); err != nil || string(got) != c.text {
				t.Errorf("the file is now %q, %v", got, err)
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, fileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a directory passes for a file")
	}
}

// A reader at any step of a write gets the old or the new list.
func TestReadersDuringAWrite(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	if err := b.Put(t.Context(), sample("home")); err != nil {
		t.Fatal(err)
	}
	var seen []int
	durable.Hook = func(path string, s durable.Step) {
		list, err := b.file.read()
		if err != nil {
			t.Errorf("after %s: %v", s, err)
		}
		seen = append(seen, len(list))
	}
	defer func() { durable.Hook = nil }()
	if err := b.Put(t.Context(), sample("work")); err != nil {
		t.Fatal(err)
	}
	if want := []int{1, 1, 1, 2, 2}; !slices.Equal(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"version": 1, "accounts": [` + stored + `]}`))
	f.Add([]byte(`{"version": 9}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := decode(data)
		if err != nil {
			if !errors.Is(err, ErrNewer) && !errors.Is(err, ErrUnreadable) {
				t.Errorf("got %v", err)
			}
			return
		}
		first, err := encode(list)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(first)
		if err != nil {
			t.Fatalf("what was read cannot be written and read: %v", err)
		}
		if second, err := encode(again); err != nil || !bytes.Equal(first, second) {
			t.Errorf("not stable: %s, then %s, %v", first, second, err)
		}
	})
}
