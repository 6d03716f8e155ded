package boltfile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// stored is a journal that an earlier version wrote with bbolt.
func stored(t testing.TB) []byte {
	t.Helper()
	f, err := os.Open("testdata/bolt.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func count(t testing.TB, file []byte) (map[string]int, int) {
	t.Helper()
	n := map[string]int{}
	damaged, err := Walk(file, func(buckets []string, _, _ []byte) { n[strings.Join(buckets[1:], "/")]++ })
	if err != nil {
		t.Fatal(err)
	}
	return n, damaged
}

func TestWalk(t *testing.T) {
	n, damaged := count(t, stored(t))
	if damaged != 0 || n["changes"] != 301 || n["offline"] != 3 || n["sessions"] != 1 || n["aside"] != 1 {
		t.Errorf("%v, %d damaged", n, damaged)
	}
}

// One page of many is damaged: the others are read.
func TestDamagedPage(t *testing.T) {
	file := stored(t)
	whole, _ := count(t, file)
	worst := 0
	for page := 2; page < len(file)/4096; page++ {
		b := bytes.Clone(file)
		for i := range 4096 {
			b[page*4096+i] = byte(i * 7)
		}
		n, damaged := count(t, b)
		if lost := whole["changes"] - n["changes"]; lost > 0 && damaged == 0 {
			t.Errorf("page %d: %d updates lost without a word", page, lost)
		} else if lost > 0 {
			worst++
		}
	}
	if worst < 3 {
		t.Errorf("only %d pages hold updates: the file is too small for this test", worst)
	}
}

func TestNoBolt(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("nonsense"), make([]byte, 1<<16), []byte(strings.Repeat("nonsense", 8192))} {
		if _, err := Walk(b, nil); !errors.Is(err, ErrNoBolt) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}

// Whatever the bytes are, reading ends and reads nothing outside of them.
func FuzzWalk(f *testing.F) {
	file := stored(f)
	f.Add(uint32(0), []byte{1}, uint32(len(file)))
	f.Add(uint32(4096*3+8), []byte{1, 0, 255, 255}, uint32(len(file)))
	f.Add(uint32(9000), []byte{0}, uint32(8192))
	f.Fuzz(func(t *testing.T, at uint32, change []byte, size uint32) {
		b := bytes.Clone(file)
		copy(b[int(at)%len(b):], change)
		b = b[:min(len(b), int(size))]
		_, _ = Walk(b, func([]string, []byte, []byte) {})
	})
}
