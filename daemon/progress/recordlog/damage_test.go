package recordlog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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
