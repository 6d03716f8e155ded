package tokenfilter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

// meBody is like a large /api/me: progress entries, texts, a few tokens.
func meBody(size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"id":"u1","username":"demo","token":%q,"mediaProgress":[`, legacy)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"86a33fcc-28d2-4e3c-91af-%012d","duration":33854.905,"progress":0.%d,"currentTime":%d.25,"isFinished":false,`+
			`"path":"/audiobooks/Jane Austen/Emma/%02d.mp3",`+
			`"description":"<p>He said: \"Everyone\".<br\/>\nEvery eye…</p>","lastUpdate":1700000000000}`, i, i%1000, i, i)
	}
	fmt.Fprintf(&b, `],"accessToken":%q}`, access)
	return b.Bytes()
}

func BenchmarkJSON(b *testing.B) {
	body := meBody(20 << 20)
	known := secrets(access, legacy, others)
	b.Run("valid", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if !json.Valid(body) {
				b.Fatal("invalid")
			}
		}
	})
	b.Run("filter", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			_, _ = io.Copy(io.Discard, JSON(bytes.NewReader(body), ownOrBlank))
		}
	})
	b.Run("filter+guard", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			_, _ = io.Copy(io.Discard, Guard(JSON(bytes.NewReader(body), ownOrBlank), known, func() {}))
		}
	})
	worst := []byte(`"` + strings.Repeat("eyJ1c2VySWQiOjF9.", 1<<16) + `"`)
	b.Run("worst", func(b *testing.B) {
		b.SetBytes(int64(len(worst)))
		for b.Loop() {
			_, _ = io.Copy(io.Discard, JSON(bytes.NewReader(worst), ownOrBlank))
		}
	})
	b.Run("small", func(b *testing.B) {
		small := meBody(2 << 10)
		b.SetBytes(int64(len(small)))
		b.ReportAllocs()
		for b.Loop() {
			_, _ = io.Copy(io.Discard, Guard(JSON(bytes.NewReader(small), ownOrBlank), known, func() {}))
		}
	})
}

// The cost of a body does not depend on how many strings it has.
func TestNoAllocationPerString(t *testing.T) {
	allocs := func(size int) float64 {
		body := meBody(size)
		return testing.AllocsPerRun(5, func() {
			_, _ = io.Copy(io.Discard, JSON(bytes.NewReader(body), ownOrBlank))
		})
	}
	small, large := allocs(100<<10), allocs(1<<20)
	if large > small+8 {
		t.Errorf("%v allocations for 100 KiB, %v for 1 MiB", small, large)
	}
}

// However a body is written, only a bounded part of it is held.
func TestMemoryIsBounded(t *testing.T) {
	for _, unit := range []string{"eyJh", "a.", "ab.eyJ", ".eyJ1c2VySWQiOjF9", `\u0065`, `\u002e\u0065y`} {
		f := newReader(bytes.NewReader([]byte(strings.Repeat(unit, 1<<17))), ownOrBlank, true)
		most := 0
		p := make([]byte, 8<<10)
		for {
			_, err := f.Read(p)
			most = max(most, cap(f.buf), cap(f.run.text))
			if err != nil {
				break
			}
		}
		if most > 512<<10 {
			t.Errorf("%q: held %d bytes", unit, most)
		}
	}
}
