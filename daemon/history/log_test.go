package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *Log {
	t.Helper()
	l, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRecordSurvives(t *testing.T) {
	path := Path(t.TempDir(), "home")
	l := open(t, path)
	e := Entry{At: noon, Kind: Refresh, Outcome: Lost, Generation: 7, Attempt: 2, Release: "2.36.0",
		Issued: noon.Add(-time.Hour), Ends: noon.Add(time.Hour),
		AccessToken: StillAccepted, Name: "dorothy", Evidence: "Audiobookshelf does not know this session"}
	l.Add(e)
	if err := l.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := open(t, path).Entries(); len(got) != 1 || got[0] != e {
		t.Errorf("got %+v", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Several processes, as far as the file can tell, write one record.
func TestTwoProcessesKeepEachOthersEntries(t *testing.T) {
	path := Path(t.TempDir(), "home")
	var wg sync.WaitGroup
	for p := range 4 {
		l := open(t, path)
		wg.Go(func() {
			for n := range 10 {
				l.Add(Entry{At: noon, Kind: Refresh, Outcome: Renewed, Generation: uint64(100*p + n)})
				if err := l.Save(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[uint64]int{}
	for _, e := range open(t, path).Entries() {
		seen[e.Generation]++
	}
	for p := range 4 {
		for n := range 10 {
			if seen[uint64(100*p+n)] != 1 {
				t.Errorf("entry %d of process %d is there %d times", n, p, seen[uint64(100*p+n)])
			}
		}
	}
}

func TestDamageIsKeptAside(t *testing.T) {
	path := Path(t.TempDir(), "home")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", `{"version":1,"ent`, "[1]", strings.Repeat(" ", readBytes+1)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(t.Context(), path)
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "home.json.damaged") {
			t.Errorf("%.20q: %v", content, err)
		}
		if kept, err := os.ReadFile(path + damaged); err != nil || string(kept) != content {
			t.Errorf("%.20q: kept %.20q, %v", content, kept, err)
		}
		l.Add(Entry{At: noon, Kind: Refresh, Outcome: Renewed})
		if err := l.Save(t.Context()); err != nil {
			t.Error(err)
		}
		if got := open(t, path).Entries(); len(got) != 1 {
			t.Errorf("%.20q: afterwards %+v", content, got)
		}
	}
}

func TestNewerRecordIsLeftAlone(t *testing.T) {
	path := Path(t.TempDir(), "home")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	const content = `{"version":2,"entries":"something else"}`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), path)
	if !errors.Is(err, ErrNewer) {
		t.Errorf("got %v", err)
	}
	l.Add(Entry{At: noon, Kind: Refresh, Outcome: Renewed})
	if err := l.Save(t.Context()); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v", err)
	}
	if kept, _ := os.ReadFile(path); string(kept) != content {
		t.Errorf("it was changed to %s", kept)
	}
	if len(l.Entries()) != 1 {
		t.Error("the record in memory goes on")
	}
}

// What could not be written is written by a later Save, once.
func TestUnsavedEntriesWait(t *testing.T) {
	dir := t.TempDir()
	path := Path(dir, "home")
	l := open(t, path)
	if err := os.Mkdir(path, 0o700); err != nil { // a folder in the file's place
		t.Fatal(err)
	}
	for n := range 3 {
		l.Add(Entry{At: noon, Kind: Refresh, Outcome: Renewed, Generation: uint64(n)})
		if l.Save(t.Context()) == nil {
			t.Fatal("saved into a folder")
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := open(t, path).Entries(); len(got) != 3 || len(l.Entries()) != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestBounds(t *testing.T) {
	path := Path(t.TempDir(), "home")
	l := open(t, path)
	l.Add(Entry{At: noon, Kind: SignIn, Outcome: SignedIn, Generation: 1})
	for n := range 2 * maxEntries { // failures of two kinds, never the same twice in a row
		l.Add(Entry{At: noon, Kind: Refresh, Outcome: Unreachable, Evidence: fmt.Sprint(n%2, strings.Repeat("é", 500))})
	}
	for range 100 { // and of one kind
		l.Add(Entry{At: noon.Add(time.Minute), Kind: Refresh, Outcome: Limited})
	}
	if err := l.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries := open(t, path).Entries()
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxBytes || len(entries) > maxEntries {
		t.Errorf("%d entries in %d bytes, %v", len(entries), info.Size(), err)
	}
	first, last := entries[0], entries[len(entries)-1]
	if first.Outcome != SignedIn || last.Count != 99 || !last.Until.Equal(noon.Add(time.Minute)) {
		t.Errorf("first %+v, last %+v", first, last)
	}
}

func TestNoTokenIsKept(t *testing.T) {
	token := "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiIxIn0.c2lnbmF0dXJl"
	l := open(t, "")
	l.Add(Entry{At: noon, Evidence: "Get http://x/?token=" + token + ": refused\x1b[2J\n", Name: token, Release: token})
	if e := l.Entries()[0]; strings.Contains(fmt.Sprint(e), "eyJ") || strings.ContainsAny(e.Evidence, "\x1b\n") {
		t.Errorf("got %+v", e)
	}
}

func TestAccounts(t *testing.T) {
	state := t.TempDir()
	if names, err := Accounts(state); err != nil || len(names) != 0 {
		t.Errorf("%q, %v", names, err)
	}
	for _, name := range []string{"work", "attic"} {
		l := open(t, Path(state, name))
		l.Add(Entry{At: noon})
		if err := l.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := Accounts(state); err != nil || strings.Join(names, " ") != "attic work" {
		t.Errorf("%q, %v", names, err)
	}
}

func TestForget(t *testing.T) {
	path := Path(t.TempDir(), "home")
	l := open(t, path)
	l.Add(Entry{At: noon, Outcome: Renewed})
	if err := errors.Join(l.Save(t.Context()), os.WriteFile(path+damaged, nil, 0o600), l.Forget(t.Context())); err != nil {
		t.Fatal(err)
	}
	l.Add(Entry{At: noon, Outcome: Renewed}) // the last word of a session that is ending
	if err := l.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 || left[0].Name() != "lock.home" {
		t.Errorf("left: %v, %v", left, err)
	}
}
