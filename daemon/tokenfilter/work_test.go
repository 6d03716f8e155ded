package tokenfilter

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"shelfkeeper/daemon/redact"
)

// repeat returns at least n bytes of unit.
func repeat(unit string, n int) []byte { return bytes.Repeat([]byte(unit), n/len(unit)+1) }

// base64URL encodes s as a part of a token.
func base64URL(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// hostile are units of bodies that cost a naive search the most.
func hostile() map[string]string {
	nested := strings.Repeat(`{"a":`, 70) + `"HS256"}`
	balanced := strings.Repeat(`{"a":`, 55) + `"HS256"` + strings.Repeat("}", 55)
	return map[string]string{
		"header after header":      strings.Repeat("ey", maxHeader/2) + ".eyX.",
		"header, no dot":           strings.Repeat("ey", 4*maxPart),
		"short headers":            "eyJh.eyJh.",
		"dots":                     ".",
		"dots and e":               ".e",
		"pattern and space":        ".ey ",
		"pattern and quote":        `".ey",`,
		"pattern":                  ".ey",
		"unclosed objects":         base64URL(nested) + ".eyX.",
		"objects in objects":       base64URL(balanced) + ".eyX.",
		"quotes":                   base64URL(strings.Repeat(`{"`, 150)+`"HS256"}`) + ".eyX.",
		"backslashes in a header":  base64URL(`{"`+strings.Repeat(`\`, 300)+`"HS256"}`) + ".eyX.",
		"usual headers":            usualHeader + ".",
		"payloads without claims":  usualHeader + "." + base64URL(`{"a":"`+strings.Repeat(`"userId"`, 700)+`"}`) + ".",
		"long payload":             usualHeader + "." + strings.Repeat("eyJ", 4*maxPart),
		"tokens":                   access + ",",
		"tokens without a break":   access + ".",
		"escapes":                  `\n`,
		"backslashes":              `\`,
		"broken escapes":           `\u00`,
		"escaped letters":          `\u0065`,
		"escaped letters, spaces":  `\u0065 `,
		"escaped pattern":          `\u002eey `,
		"escaped pattern, mixed":   `.\u0065y\n`,
		"escaped headers":          escaped(strings.Repeat("ey", maxHeader/2)) + ".eyX.",
		"escaped parts":            escaped("ab.eyJ."),
		"escaped token":            escaped(access) + " ",
		"pattern before an escape": strings.Repeat(".ey ", 200) + `\n`,
	}
}

// perByte bounds the work for one byte of a body: the bytes that the filter or the
// guard looks at, copies or decodes.
const perByte = 60

// filterWork returns the work of JSON or Text for body.
func filterWork(t testing.TB, body io.Reader, escapes bool) int {
	f := newReader(body, ownOrBlank, escapes)
	if _, err := io.Copy(io.Discard, struct{ io.Reader }{f}); err != nil {
		t.Fatal(err)
	}
	return f.work + f.run.work
}

// The work grows with the length of a body alone, whatever it contains.
func TestWorkIsLinear(t *testing.T) {
	for desc, unit := range hostile() {
		for _, escapes := range []bool{true, false} {
			for _, size := range []int{64 << 10, 512 << 10} {
				body := repeat(unit, size)
				if work := filterWork(t, bytes.NewReader(body), escapes); work > perByte*len(body)+8*bufferSize {
					t.Errorf("%s, %d bytes, escapes %v: %d looks at each byte", desc, len(body), escapes, work/len(body))
				}
			}
		}
	}
}

// So it does for random mixtures of the worst units.
func TestWorkIsLinearForMixtures(t *testing.T) {
	var units []string
	for _, u := range hostile() {
		units = append(units, u)
	}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		var b bytes.Buffer
		for b.Len() < 128<<10 {
			u := units[r.IntN(len(units))]
			from := r.IntN(len(u))
			to := from + 1 + r.IntN(min(len(u)-from, 1200))
			b.Write(repeat(u[from:to], r.IntN(2000)))
		}
		body := b.Bytes()
		if work := filterWork(t, bytes.NewReader(body), true); work > perByte*len(body)+8*bufferSize {
			t.Errorf("seed %d: %d looks at each byte", seed, work/len(body))
		}
		small := body[:min(len(body), 32<<10)]
		if work := filterWork(t, &stepReader{small, 7}, true); work > 2*perByte*len(small)+8*bufferSize {
			t.Errorf("seed %d, in small pieces: %d looks at each byte", seed, work/len(small))
		}
	}
}

// The guard is linear too: in bodies full of secrets, of halves of secrets, and of
// the bytes that it searches for.
func TestGuardWorkIsLinear(t *testing.T) {
	known := secrets(access, legacy, others, "sixteen-letters!")
	n := newNeedle(access)
	for desc, unit := range map[string]string{
		"nothing": "abcdefgh", "header": usualHeader + ".ey", "end of a header": usualHeader[len(usualHeader)-5:] + ".ey",
		"secrets": access, "short secrets": "sixteen-letters!", "two secrets": access + "sixteen-letters!",
		"halves": access[:len(access)/2], "searched bytes": access[n.at : n.at+needleSize], "first bytes": "eyJ", "e": "e",
		"nearly": access[:len(access)-1] + "!",
	} {
		body := repeat(unit, 512<<10)
		g := Guard(bytes.NewReader(body), known, func() {}).(*guard)
		if _, err := io.Copy(io.Discard, struct{ io.Reader }{g}); err != nil {
			t.Fatal(err)
		}
		if g.work > perByte*len(body)+8*bufferSize {
			t.Errorf("%s: %d looks at each byte", desc, g.work/len(body))
		}
	}
}

// BenchmarkHostile measures bodies that are made to be slow, each 1 MiB.
func BenchmarkHostile(b *testing.B) {
	known := []redact.Secret{redact.New(access), redact.New(legacy), redact.New(others)}
	for desc, unit := range hostile() {
		body := repeat(unit, 1<<20)
		b.Run(strings.ReplaceAll(desc, " ", "-"), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				src := Guard(JSON(bytes.NewReader(body), ownOrBlank), func() []redact.Secret { return known }, func() {})
				if _, err := io.Copy(io.Discard, src); err != nil {
					b.Fatal(fmt.Errorf("%s: %w", desc, err))
				}
			}
		})
	}
}
