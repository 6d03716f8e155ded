package recordlog

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Whatever the bytes are, reading ends, and reads only what was written.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "log")
	write(f, path, sample())
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, uint16(0), byte(1))
	f.Add([]byte{}, uint16(3), byte(7))
	f.Add(whole[:40], uint16(12), byte(255))
	f.Add([]byte("00000000 00000000 \n"), uint16(0), byte(0))
	f.Add([]byte("00000000 ffffffff x\n\n\n"), uint16(9), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, change byte) {
		path := filepath.Join(t.TempDir(), "log")
		for i, content := range [][]byte{bytes.Clone(b), append(bytes.Clone(whole), b...), append(bytes.Clone(b), whole...)} {
			if len(content) > 0 {
				content[int(at)%len(content)] ^= change
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			l, got, found := open(t, path)
			n := 0
			for _, r := range got {
				if slices.Contains(sample(), r) {
					n++
				}
			}
			if i > 0 && n < len(sample())-2 {
				t.Errorf("%d of %d records", n, len(sample()))
			}
			if found.Lost > 0 && found.Damaged == "" {
				t.Errorf("%+v", found)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			_ = os.Remove(path)
		}
	})
}

// The same on the bytes alone, which is a thousand times as fast.
func FuzzRead(f *testing.F) {
	whole := appendLine(nil, markOf("0123456789abcdef"))
	for _, r := range sample() {
		whole = appendLine(whole, []byte(r))
	}
	f.Add(whole, uint16(0), byte(1))
	f.Add([]byte{}, uint16(3), byte(7))
	f.Add([]byte("00000000 00000000 \n"), uint16(0), byte(0))
	f.Add([]byte("00000000 ffffffff x\n\n\n"), uint16(9), byte(0))
	f.Add(whole[:40], uint16(12), byte(255))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, change byte) {
		for i, content := range [][]byte{bytes.Clone(b), append(bytes.Clone(whole), b...), append(bytes.Clone(b), whole...)} {
			if len(content) > 0 {
				content[int(at)%len(content)] ^= change
			}
			n := 0
			r := &reader{apply: func(r []byte, _ int) error {
				if slices.Contains(sample(), string(r)) {
					n++
				}
				return nil
			}}
			if err := r.read(bytes.NewReader(content)); err != nil {
				t.Fatal(err)
			}
			if r.end > int64(len(content)) || r.records < n || i > 0 && n < len(sample())-2 {
				t.Errorf("%d of %d records, %d in all, until %d of %d", n, len(sample()), r.records, r.end, len(content))
			}
		}
	})
}
