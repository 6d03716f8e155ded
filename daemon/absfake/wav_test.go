package absfake

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
)

// The hash is of bytes that this package defines; it changes only with them.
func TestToneIsTheSameEverywhere(t *testing.T) {
	tone := newTone(0, seconds(10))
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(tone, 0, tone.size)); err != nil {
		t.Fatal(err)
	}
	const want = "3220a8ef12c673ac91a7c268188e3f1b32266ccf01197d9c8c1bca027b09669f"
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != want {
		t.Errorf("sha256 is %s, want %s", got, want)
	}
}

func TestToneReadsTheSameInAnyPieces(t *testing.T) {
	tone := newTone(3, 3*phraseFrames*frameBytes+wavHeader+3)
	whole := make([]byte, tone.size)
	if n, err := tone.ReadAt(whole, 0); int64(n) != tone.size || err != nil {
		t.Fatal(n, err)
	}
	for _, size := range []int{1000, 1023, 4096, 65536} {
		var b bytes.Buffer
		for off := int64(0); off < tone.size; off += int64(size) {
			piece := make([]byte, size)
			n, err := tone.ReadAt(piece, off)
			if err != nil && (err != io.EOF || off+int64(size) <= tone.size) {
				t.Fatal(err)
			}
			b.Write(piece[:n])
		}
		if !bytes.Equal(b.Bytes(), whole) {
			t.Errorf("pieces of %d bytes make other bytes", size)
		}
	}
	one := make([]byte, 1)
	for off := int64(0); off < 5000; off++ {
		if _, err := tone.ReadAt(one, off); err != nil || one[0] != whole[off] {
			t.Fatalf("byte %d is %x, want %x (%v)", off, one[0], whole[off], err)
		}
	}
	if n, err := tone.ReadAt(one, tone.size); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

// A stretch that comes from a wrong place or file must not look right.
func TestNoTwoStretchesAreEqual(t *testing.T) {
	loop := int64(phraseFrames * frameBytes)
	a, other := newTone(0, 8*loop), newTone(4, 8*loop) // the same phrase
	p, q := make([]byte, stampBlock*2), make([]byte, stampBlock*2)
	for _, at := range []int64{100, 1000, 20_000, loop + 7} {
		for desc, read := range map[string]func() (int, error){
			"one phrase on": func() (int, error) { return a.ReadAt(q, at+loop) },
			"other file":    func() (int, error) { return other.ReadAt(q, at) },
		} {
			_, err := a.ReadAt(p, at)
			_, err2 := read()
			if err != nil || err2 != nil || bytes.Equal(p, q) {
				t.Errorf("%s at %d: equal bytes (%v, %v)", desc, at, err, err2)
			}
		}
	}
}

func TestToneIsQuietMusic(t *testing.T) {
	for n := range phrases {
		p := phraseOnce[n]()
		var peak, jump int
		var last int16
		for i := 0; i < len(p); i += frameBytes {
			v := int16(binary.LittleEndian.Uint16(p[i:]))
			peak = max(peak, int(v), -int(v))
			jump = max(jump, int(v)-int(last), int(last)-int(v))
			last = v
		}
		first := int(int16(binary.LittleEndian.Uint16(p)))
		if peak < 2000 || peak > 8000 {
			t.Errorf("phrase %d peaks at %d", n, peak)
		}
		if jump > 800 || first-int(last) > 200 || int(last)-first > 200 {
			t.Errorf("phrase %d clicks: a step of %d, ends at %d, begins at %d", n, jump, last, first)
		}
	}
}

func TestWAVHeader(t *testing.T) {
	for _, f := range []*File{newLibrary(Config{Large: 1 << 20}).Tracks().Files[0], newLibrary(Config{Large: 1<<20 + 3}).Large().Files[0]} {
		h := make([]byte, wavHeader)
		if _, err := f.ReadAt(h, 0); err != nil {
			t.Fatal(err)
		}
		le := binary.LittleEndian
		if string(h[:4]) != "RIFF" || string(h[8:16]) != "WAVEfmt " || string(h[36:40]) != "data" {
			t.Errorf("header %q", h)
		}
		if riff := int64(le.Uint32(h[4:])); riff != f.Size-8 {
			t.Errorf("RIFF of %d bytes in a file of %d", riff, f.Size)
		}
		data := le.Uint32(h[40:])
		if int64(data) > f.Size-wavHeader || data%frameBytes != 0 || float64(data)/bytesPerSec != f.Duration {
			t.Errorf("data of %d bytes, duration %v, size %d", data, f.Duration, f.Size)
		}
		if le.Uint32(h[24:]) != sampleRate || le.Uint16(h[22:]) != 2 || le.Uint16(h[34:]) != 16 {
			t.Error("not stereo, 16 bits, 32 kHz")
		}
	}
}

func BenchmarkTone(b *testing.B) {
	f := newLibrary(Config{Large: 200 << 20}).Large().Files[0]
	buffer := make([]byte, sendChunk)
	b.SetBytes(f.Size)
	for b.Loop() {
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f.Reader()}, buffer); err != nil {
			b.Fatal(err)
		}
	}
}
