package tokenfilter

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"shelfkeeper/daemon/redact"
)

// raggedReader gives out pieces of sizes as a network does: many large, some of few bytes.
type raggedReader struct {
	b    []byte
	r    *rand.Rand
	fail error // comes with the last bytes; nil: io.EOF after them
}

func (s *raggedReader) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		if s.fail != nil {
			return 0, s.fail
		}
		return 0, io.EOF
	}
	n := 1 + s.r.IntN([]int{2, 40, 3000, 40_000}[s.r.IntN(4)])
	n = copy(p, s.b[:min(n, len(s.b))])
	s.b = s.b[n:]
	if len(s.b) == 0 && s.r.IntN(2) == 0 {
		if s.fail != nil {
			return n, s.fail
		}
		return n, io.EOF
	}
	return n, nil
}

// ragged reads r to its end in pieces of many sizes.
func ragged(r io.Reader, rnd *rand.Rand) ([]byte, error) {
	var out []byte
	p := make([]byte, 64<<10)
	for {
		n, err := r.Read(p[:1+rnd.IntN([]int{3, 600, 5000, 64 << 10}[rnd.IntN(4)])])
		out = append(out, p[:n]...)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
	}
}

// mixture is a body of harmless text, of what looks like tokens, and of tokens.
func mixture(r *rand.Rand, special []string, size int) []byte {
	plain := string(meBody(3000)[len(legacy)+100:])
	var b bytes.Buffer
	for b.Len() < size {
		switch r.IntN(8) {
		case 0:
			b.WriteString(special[r.IntN(len(special))])
		case 1:
			one := special[r.IntN(len(special))]
			from := r.IntN(len(one))
			b.WriteString(one[from : from+r.IntN(len(one)-from+1)])
		case 2:
			b.Write(escapedBy(special[r.IntN(len(special))], r.Uint64()&r.Uint64()&r.Uint64()))
		case 3:
			b.WriteString(strings.Repeat(string("aZ-._\\\"u0/ y"[r.IntN(12)]), r.IntN(60)))
		default:
			from := r.IntN(len(plain))
			b.WriteString(plain[from : from+r.IntN(len(plain)-from)])
		}
	}
	return b.Bytes()
}

// However a body comes, it goes out as when the filter examines each byte by itself in its
// buffer: what it takes for harmless at a glance is.
func TestGlancesChangeNothing(t *testing.T) {
	special := []string{
		access, legacy, others, apiKey, alien, rs256, mine, `\u00e9`, `\u0026`, `\\u0065yJ`, `\\\u002e`, `\u002eey`, `\u00`, `\`, `\n`,
		".ey", ".eyes ", "a.eyJ", `\/` + access, `\n` + access + `\"`, access + "." + others, usualHeader + ".", strings.Repeat("A", 900),
		strings.Repeat("ab.eyJ.", 300), escaped(access), sprinkled(access), strings.Repeat(" text", 3000),
	}
	rounds := 120
	if testing.Short() {
		rounds = 30
	}
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 2))
		body := mixture(r, special, 1<<r.IntN(18))
		for _, escapes := range []bool{true, false} {
			want := read(t, newReader(&stepReader{body, 1}, ownOrBlank, escapes))
			got, err := ragged(newReader(&raggedReader{b: body, r: r}, ownOrBlank, escapes), r)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Errorf("seed %d, %d bytes, escapes %v", seed, len(body), escapes)
				differ(t, string(got), want)
			}
			// A body that is cut gives out a beginning of that, and nothing of a token under way.
			cut := r.IntN(len(body) + 1)
			got, err = ragged(newReader(&raggedReader{b: body[:cut], r: r, fail: io.ErrUnexpectedEOF}, ownOrBlank, escapes), r)
			if err != io.ErrUnexpectedEOF || !strings.HasPrefix(want, string(got)) {
				t.Errorf("seed %d, cut at %d: %v", seed, cut, err)
				differ(t, string(got), want)
			}
		}
	}
}

// withoutSecrets leaves the secrets out as slowly as can be: the first, and of two that
// begin there the longer one.
func withoutSecrets(body string, known []redact.Secret) (string, int) {
	var out strings.Builder
	found := 0
	for i := 0; i < len(body); {
		longest := 0
		for _, k := range known {
			if v := k.Reveal(); len(v) >= minKnown && strings.HasPrefix(body[i:], v) {
				longest = max(longest, len(v))
			}
		}
		if longest > 0 {
			found++
			i += longest
			continue
		}
		out.WriteByte(body[i])
		i++
	}
	return out.String(), found
}

// guardedLike fails unless the guard does the same as withoutSecrets.
func guardedLike(t *testing.T, body []byte, known func() []redact.Secret, r *rand.Rand) {
	t.Helper()
	want, times := withoutSecrets(string(body), known())
	found := 0
	got, err := ragged(Guard(&raggedReader{b: body, r: r}, known, func() { found++ }), r)
	if err != nil || found != times {
		t.Errorf("%d bytes: %v, found %d of %d", len(body), err, found, times)
	}
	differ(t, string(got), want)
	cut := r.IntN(len(body) + 1)
	got, err = ragged(Guard(&raggedReader{b: body[:cut], r: r, fail: io.ErrUnexpectedEOF}, known, func() {}), r)
	if err != io.ErrUnexpectedEOF || !strings.HasPrefix(want, string(got)) {
		t.Errorf("cut at %d: %v", cut, err)
		differ(t, string(got), want)
	}
}

// Secrets that begin alike, that contain and overlap each other, and that are no tokens.
func TestGuardLikeASlowOne(t *testing.T) {
	odd := "eyJ-and-later.eyJ.ey-with-two"
	list := []string{
		access, legacy, others, apiKey, access + "-longer", access[10:], "opaque-refresh-secret", "sixteen-letters!", odd, odd[:20],
		"xx" + access[:60], legacy[len(legacy)-20:] + access[:30], "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaab",
		".ey.ey.ey.ey.ey.ey", "eyJeyJeyJeyJeyJ.ey",
	}
	rounds := 150
	if testing.Short() {
		rounds = 50
	}
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 3))
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		known := secrets(list[:r.IntN(len(list))]...)
		body := mixture(r, append([]string{".ey", "eyJ", strings.Repeat("a", 40), strings.Repeat("eyJ", 6) + ".ey"}, list...), 1<<r.IntN(15))
		guardedLike(t, body, known, r)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func FuzzGuard(f *testing.F) {
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaaaaaab"), "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaab", uint64(1))
	f.Add([]byte("x"+access+access[:40]+legacy), access, access[:60], uint64(2))
	f.Add([]byte("eyJ.ey.eyJ.ey.eyJ.ey.eyJ.eyJ.ey"), "eyJ.ey.eyJ.ey.eyJ", ".eyJ.ey.eyJ.eyJ.", uint64(3))
	f.Fuzz(func(t *testing.T, body []byte, one, two string, seed uint64) {
		if len(body) > 4000 {
			return
		}
		guardedLike(t, body, secrets(one, two, access), rand.New(rand.NewPCG(seed, 4)))
	})
}

// FuzzGlance puts what is found between long harmless texts, so that the filter takes its
// buffer and gives it back.
func FuzzGlance(f *testing.F) {
	for _, s := range samples() {
		if len(s.in) < 1000 {
			f.Add([]byte(s.in), []byte(s.in), uint64(5))
		}
	}
	f.Fuzz(func(t *testing.T, one, two []byte, seed uint64) {
		if len(one)+len(two) > 4000 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 5))
		long := bytes.Repeat([]byte(`a text, "x" `), r.IntN(250))
		body := bytes.Join([][]byte{one, two, two, one}, long)
		for _, escapes := range []bool{true, false} {
			want := read(t, newReader(&stepReader{body, 1}, ownOrBlank, escapes))
			got, err := ragged(newReader(&raggedReader{b: body, r: r}, ownOrBlank, escapes), r)
			if err != nil || string(got) != want {
				t.Errorf("escapes %v: %v", escapes, err)
				differ(t, string(got), want)
			}
		}
	})
}
