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

// Every single bit of a file, flipped: all records but one are read, and a
// record that is missing is told.
func TestEveryBit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, sample())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(whole) * 8 {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		var got []string
		r := &reader{apply: func(r []byte, _ int) error { got = append(got, string(r)); return nil }}
		if err := r.read(bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		for _, one := range got {
			if !slices.Contains(sample(), one) {
				t.Fatalf("bit %d: %q was never written", bit, one)
			}
		}
		missing := len(sample()) - len(got)
		if missing > 1 || missing == 1 && r.lost == 0 {
			t.Fatalf("bit %d of byte %d: %d records missing, %d places lost", bit%8, bit/8, missing, r.lost)
		}
	}
}

// A file that was cut anywhere: what is whole is read, and only a record that had
// not ended is taken for one that nobody was told is safe.
func TestCutAnywhere(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "whole"), sample())
	whole, err := os.ReadFile(filepath.Join(dir, "whole"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		path := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		l, got, f := open(t, path)
		lines := strings.Count(string(whole[:n]), "\n")
		if whole[n] == '\n' {
			lines++ // only the line feed is missing
		}
		lines = max(0, lines-1) // the first line is none of ours
		if !slices.Equal(got, sample()[:lines]) || (f.Damaged != "") != (lines == 0) {
			t.Fatalf("cut at %d: %d records, want %d; %+v", n, len(got), lines, f)
		}
		if l.MustRewrite() {
			err = l.Rewrite(records(append(got, "next")))
		} else {
			err = l.Append([]byte("next"))
		}
		if err := errors.Join(err, l.Close()); err != nil {
			t.Fatal(err)
		}
		l, after, f := open(t, path)
		if !slices.Equal(after, append(got, "next")) || f.Damaged != "" {
			t.Fatalf("cut at %d, then written: %q %+v", n, after, f)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A file that was cut between two records, or lacks one in the middle: the loss is
// told, and the file is kept.
func TestCutBetweenRecords(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "whole"), sample())
	whole, err := os.ReadFile(filepath.Join(dir, "whole"))
	if err != nil {
		t.Fatal(err)
	}
	length, err := os.ReadFile(filepath.Join(dir, "whole.length"))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	lines = lines[:len(lines)-1]
	for n := 1; n <= len(lines); n++ { // of which one is the mark
		for _, middle := range []bool{false, true} {
			path := filepath.Join(dir, fmt.Sprint(n, middle))
			left := slices.Clone(lines[:n])
			if middle {
				left = append(slices.Clone(lines[:1]), lines[len(lines)-n+1:]...)
			}
			if err := errors.Join(os.WriteFile(path, bytes.Join(left, nil), 0o600), os.WriteFile(path+".length", length, 0o600)); err != nil {
				t.Fatal(err)
			}
			l, got, f := open(t, path)
			missing := len(sample()) - (n - 1)
			if f.Cut != missing || (f.Damaged != "") != (missing > 0) || len(got) != n-1 {
				t.Errorf("%d records are missing: %d read, %+v", missing, len(got), f)
			}
			if err := errors.Join(l.Rewrite(records(append(got, "a"))), l.Append([]byte("b")), l.AppendLater([]byte("c")), l.Close()); err != nil {
				t.Fatal(err)
			}
			if l, after, f := open(t, path); f.Damaged != "" || len(after) != len(got)+3 {
				t.Errorf("then %d records, %+v", len(after), f)
			} else if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
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

// The end of a file is zeros, or something else that no write begins with: it may
// have been records, so the file is kept and the loss is told.
func TestDamagedEnd(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "whole"), sample())
	whole, err := os.ReadFile(filepath.Join(dir, "whole"))
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1 // the last record begins there
	for desc, end := range map[string][]byte{
		"zeros from within a record": append(bytes.Clone(whole[:last+headBytes+3]), make([]byte, 512)...),
		"zeros behind a record":      append(bytes.Clone(whole[:last]), make([]byte, 512)...),
		"two records of zeros":       append(bytes.Clone(whole[:last-40]), make([]byte, 80)...),
		"a text":                     append(bytes.Clone(whole[:last]), "nonsense"...),
		"a long line without an end": append(bytes.Clone(whole[:last]), bytes.Repeat([]byte("x"), MaxRecord+100)...),
		"a record with a wrong sum":  append(append(bytes.Clone(whole[:last]), "00000000 00000002 "...), "{}"...),
	} {
		path := filepath.Join(dir, desc)
		if err := os.WriteFile(path, end, 0o600); err != nil {
			t.Fatal(err)
		}
		l, got, f := open(t, path)
		if f.Lost != 1 || f.Damaged == "" || !l.MustRewrite() || len(got) < len(sample())-2 {
			t.Errorf("%s: %d records, %+v", desc, len(got), f)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamagedFileIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "[log]")
	for round := range keptDamaged + 3 {
		content := fmt.Sprintf("nonsense %d\n", round)
		if err := os.Remove(path); err != nil && round > 0 {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		l, got, f := open(t, path)
		kept, err := os.ReadFile(f.Damaged)
		if len(got) != 0 || err != nil || string(kept) != content || !l.MustRewrite() || l.Append([]byte("x")) == nil {
			t.Errorf("%q %+v %v", got, f, err)
		}
		again := f.Damaged
		if err := l.Close(); err != nil { // a crash before it is written anew
			t.Error(err)
		}
		if l, _, f = open(t, path); f.Damaged != again {
			t.Errorf("kept a second time, as %s", f.Damaged)
		}
		if err := errors.Join(l.Rewrite(records([]string{"a"})), l.Append([]byte("b")), l.Close()); err != nil {
			t.Error(err)
		}
		if kept, err := os.ReadFile(again); err != nil || string(kept) != content {
			t.Errorf("the kept file was changed: %q %v", kept, err)
		}
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != keptDamaged+3 {
		t.Errorf("%d files, %v", len(all), err)
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
