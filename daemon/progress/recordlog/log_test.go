package recordlog

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open reads a log and returns it with its records.
func open(t testing.TB, path string) (*Log, []string, Found) {
	t.Helper()
	var all []string
	l, f, err := Open(path, func(r []byte, _ int) error { all = append(all, string(r)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	l.NoSync = true
	return l, all, f
}

func records(all []string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, r := range all {
			if !yield([]byte(r), nil) {
				return
			}
		}
	}
}

// write makes a log of these records and closes it.
func write(t testing.TB, path string, all []string) {
	t.Helper()
	l, _, _ := open(t, path)
	if err := errors.Join(l.Rewrite(records(all[:1])), l.Close()); err != nil {
		t.Fatal(err)
	}
	l, _, _ = open(t, path)
	for _, r := range all[1:] {
		if err := l.Append([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func sample() []string {
	all := []string{`{"head":1}`}
	for i := range 6 {
		all = append(all, fmt.Sprintf(`{"n":%d,"text":%q}`, i, strings.Repeat("x", i*3)))
	}
	return all
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "log")
	write(t, path, sample())
	l, got, f := open(t, path)
	if !slices.Equal(got, sample()) || f.Damaged != "" || f.Lost != 0 || f.Records != len(got) || l.MustRewrite() {
		t.Errorf("%q %+v", got, f)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() != l.Size() {
		t.Errorf("%v %v", info, err)
	}
	if err := l.Rewrite(records(got[3:])); err != nil {
		t.Error(err)
	}
	if err := errors.Join(l.Append([]byte("last")), l.Close()); err != nil {
		t.Error(err)
	}
	if _, got, _ = open(t, path); !slices.Equal(got, append(sample()[3:], "last")) {
		t.Errorf("%q", got)
	}
}

// A file of an earlier version, whose first line does not name it, is read and
// written anew.
func TestFileWithoutAName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var old []byte
	for _, r := range sample() {
		old = appendLine(old, []byte(r))
	}
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	l, got, f := open(t, path)
	if !slices.Equal(got, sample()) || f.Damaged != "" || !l.MustRewrite() {
		t.Errorf("%q %+v", got, f)
	}
	if err := errors.Join(l.Rewrite(records(got)), l.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Such a version takes the first line for a record.
	if err := os.WriteFile(path, bytes.TrimSuffix(b, appendLine(nil, []byte(sample()[len(sample())-1]))), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, _, f = open(t, path); f.Cut != 1 || f.Damaged == "" {
		t.Errorf("%+v", f)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// What is no file, or cannot be read, is an error and nothing else.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := Open(path, nil); !errors.Is(err, ErrNoFile) {
			t.Errorf("got %v", err)
		}
	}
	if err := Read(path, nil); !errors.Is(err, ErrNoFile) {
		t.Errorf("got %v", err)
	}
	if err := Read(filepath.Join(dir, "none"), nil); err != nil {
		t.Errorf("got %v", err)
	}
	a, _, _ := open(t, filepath.Join(dir, "other"))
	if _, _, err := Open(filepath.Join(dir, "other"), nil); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// A write that fails is taken back, and the next one writes the file anew.
func TestFailedAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, sample())
	l, _, _ := open(t, path)
	if err := l.file.Close(); err != nil { // every write fails from here on
		t.Fatal(err)
	}
	if l.Append([]byte("lost")) == nil || !l.MustRewrite() {
		t.Error("a write into a closed file")
	}
	if err := errors.Join(l.Rewrite(records([]string{"a"})), l.Append([]byte("b")), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, got, f := open(t, path); !slices.Equal(got, []string{"a", "b"}) || f.Damaged != "" {
		t.Errorf("%q %+v", got, f)
	}
}

// Ended at each step of a write: a record is there or not, and the others stay.
func TestEndedAtEachStep(t *testing.T) {
	for _, rewrite := range []bool{false, true} {
		for _, end := range []Step{Before, Half, Whole, Synced} {
			path := filepath.Join(t.TempDir(), "log")
			write(t, path, sample())
			l, _, _ := open(t, path)
			l.Hook = func(at Step) error {
				if at == end {
					return errors.New("ended")
				}
				return nil
			}
			var err error
			if rewrite {
				err = l.Rewrite(records(append(sample(), "new")))
			} else {
				err = l.Append([]byte("new"))
			}
			safe := err == nil
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			_, got, f := open(t, path)
			is := slices.Contains(got, "new")
			if f.Damaged != "" || !slices.Equal(got[:len(sample())], sample()) || safe && !is {
				t.Errorf("rewrite %v, ended at %q (told it is safe: %v): %q %+v", rewrite, end, safe, got, f)
			}
		}
	}
}
