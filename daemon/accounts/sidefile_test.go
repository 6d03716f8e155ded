package accounts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sideFilesOf makes a state directory with the files in testdata.
func sideFilesOf(t *testing.T, version string) (dir string, b *Book) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", version))); err != nil {
		t.Fatal(err)
	}
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, b
}

// The first format named no version, and an account may be called "version".
func TestSideFilesWithoutAVersionAreRead(t *testing.T) {
	dir, b := sideFilesOf(t, "unversioned")
	for range 2 { // as it was left, and as it is written now
		p, err := OpenPauses(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"home", "version"} {
			if pause, ok := p.Of(name); !ok || pause.Since.Year() != 2026 || (name == "version") == pause.Until.IsZero() {
				t.Errorf("pause of %s: %+v, %v", name, pause, ok)
			}
		}
		for name, want := range map[string]KeyAnswer{"home": KeyDeclined, "version": KeyMade} {
			if got, err := b.KeyAnswer(name); got != want || err != nil {
				t.Errorf("answer of %s: %q, %v", name, got, err)
			}
		}
		if err := p.Set("other", &Pause{Since: time.Now()}); err != nil {
			t.Error(err)
		}
		if err := b.RememberKeyAnswer(t.Context(), "home", KeyDeclined); err != nil {
			t.Error(err)
		}
		for _, name := range []string{pausesName, keyAnswersName} {
			if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil ||
				!strings.HasPrefix(string(data), "{\n  \"version\": 1,\n") {
				t.Errorf("%s: %s, %v", name, data, err)
			}
		}
	}
}

// What a newer version wrote stays as it is, and the error says what to do.
func TestSideFilesOfANewerVersionAreLeftAlone(t *testing.T) {
	for _, newer := range []string{`{"version":2}`, `{"accounts":{"home":{"since":7}},"version":99,"more":[]}`,
		`{"version":2,"accounts":[]}`} {
		dir, b := sideFilesOf(t, "unversioned")
		for _, name := range []string{pausesName, keyAnswersName} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(newer), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p, opened := OpenPauses(dir)
		_, read := b.KeyAnswer("home")
		for what, err := range map[string]error{
			"open": opened, "pause": p.Set("home", &Pause{Since: time.Now()}), "read": read,
			"remember": b.RememberKeyAnswer(t.Context(), "home", KeyMade),
		} {
			if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), dir) ||
				!strings.Contains(err.Error(), "start that version; the file was left as it is") {
				t.Errorf("%s, %s: %v", newer, what, err)
			}
		}
		if _, ok := p.Of("home"); ok {
			t.Errorf("%s: it is paused until the next start only", newer)
		}
		if err := p.Set("home", nil); err != nil {
			t.Errorf("%s: nothing was to be written: %v", newer, err)
		}
		for _, name := range []string{pausesName, keyAnswersName} {
			if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != newer {
				t.Errorf("%s is %s now, and was %s: %v", name, data, newer, err)
			}
		}
	}
}

// What nobody can read is no newer version's: the next write replaces it.
func TestDamagedSideFilesAreReplaced(t *testing.T) {
	for _, damaged := range []string{"", "[]", "{", `{"version":"2"}`, `{"version":1.5}`, `{"version":1,"accounts":7}`, `{"version":[2]}`} {
		dir, b := sideFilesOf(t, "unversioned")
		for _, name := range []string{pausesName, keyAnswersName} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(damaged), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p, err := OpenPauses(dir)
		if !errors.Is(err, ErrUnreadable) || errors.Is(err, ErrNewer) {
			t.Errorf("%s: %v", damaged, err)
		}
		if err := p.Set("home", &Pause{Since: time.Now()}); err != nil {
			t.Errorf("%s: %v", damaged, err)
		}
		if err := b.RememberKeyAnswer(t.Context(), "home", KeyMade); err != nil {
			t.Errorf("%s: %v", damaged, err)
		}
		if p, err := OpenPauses(dir); err != nil || len(p.list) != 1 {
			t.Errorf("%s: %v", damaged, err)
		}
	}
}
