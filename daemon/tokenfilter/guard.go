package tokenfilter

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"shelfkeeper/daemon/redact"
)

// minKnown is the length below which a secret is not looked for: so short a
// text may stand in a body by chance.
const minKnown = 16

// Guard returns r without the exact bytes of any secret that known names; it
// is the net below JSON and Text, which go by what a token looks like. known
// is asked again as the body goes on, since tokens change meanwhile. found is
// called for each occurrence.
func Guard(r io.Reader, known func() []redact.Secret, found func()) io.Reader {
	return &guard{src: r, known: known, found: found}
}

// Contains reports whether s holds the exact bytes of one of the secrets.
func Contains(s string, known []redact.Secret) bool {
	for _, k := range known {
		if v := k.Reveal(); len(v) >= minKnown && strings.Contains(s, v) {
			return true
		}
	}
	return false
}

type guard struct {
	src   io.Reader
	known func() []redact.Secret
	found func()

	secrets []redact.Secret
	needles []needle

	home    *[bufferSize]byte
	buf     []byte
	r, done int
	skip    int // bytes to leave out after done
	err     error
}

// needle is a secret and the few bytes of it that are searched for. Tokens of
// one server begin alike, so a rare byte of the end is the quickest to find.
type needle struct {
	whole []byte
	at    int // the part searched for is whole[at:at+needleSize]
}

const needleSize = 8

func newNeedle(secret string) needle {
	n := needle{whole: []byte(secret)}
	end := len(secret) - needleSize
	from := max(0, end-32)
	n.at = end
	for _, rare := range []byte("QXZJKVWY_HGq") {
		if i := strings.IndexByte(secret[from:end+1], rare); i >= 0 {
			n.at = from + i
			break
		}
	}
	return n
}

func (n needle) find(b []byte) int {
	part := n.whole[n.at : n.at+needleSize]
	for from := 0; ; {
		i := bytes.Index(b[from:], part)
		if i < 0 {
			return -1
		}
		if start := from + i - n.at; start >= 0 && bytes.HasPrefix(b[start:], n.whole) {
			return start
		}
		from += i + 1
	}
}

// overlap returns the length of the longest end of b that n begins with.
func (n needle) overlap(b []byte) int {
	tail := b[max(0, len(b)-len(n.whole)+1):]
	for {
		i := bytes.IndexByte(tail, n.whole[0])
		if i < 0 {
			return 0
		}
		if tail = tail[i:]; bytes.HasPrefix(n.whole, tail) {
			return len(tail)
		}
		tail = tail[1:]
	}
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if g.r < g.done {
			n := copy(p, g.buf[g.r:g.done])
			g.r += n
			return n, nil
		}
		g.r, g.done, g.skip = g.r+g.skip, g.done+g.skip, 0
		if g.decide() {
			continue
		}
		if g.err != nil {
			if g.home != nil {
				buffers.Put(g.home)
				g.home, g.buf, g.r, g.done = nil, nil, 0, 0
			}
			return 0, g.err
		}
		g.fill()
	}
}

// decide looks for secrets in what is not given out. It reports whether there
// is anything to give out, or to leave out.
func (g *guard) decide() bool {
	g.refresh()
	b := g.buf[g.r:]
	if len(b) == 0 {
		return false
	}
	hit, size, held := -1, 0, 0
	for _, n := range g.needles {
		if i := n.find(b); i >= 0 && (hit < 0 || i < hit) {
			hit, size = i, len(n.whole)
		}
		if g.err != io.EOF {
			held = max(held, n.overlap(b))
		}
	}
	if hit >= 0 {
		g.found()
		g.done, g.skip = g.r+hit, size
		return true
	}
	g.done = g.r + len(b) - held
	return g.done > g.r
}

func (g *guard) refresh() {
	now := g.known()
	if slices.Equal(now, g.secrets) {
		return
	}
	g.secrets = slices.Clone(now)
	g.needles = g.needles[:0]
	for _, s := range now {
		if v := s.Reveal(); len(v) >= minKnown {
			g.needles = append(g.needles, newNeedle(v))
		}
	}
}

func (g *guard) fill() {
	if g.home == nil {
		g.home = buffers.Get().(*[bufferSize]byte)
		g.buf = g.home[:0]
	}
	if g.r > 0 {
		n := copy(g.buf[:cap(g.buf)], g.buf[g.r:])
		g.buf, g.r, g.done = g.buf[:n], 0, 0
	}
	if len(g.buf) == cap(g.buf) {
		g.buf = append(make([]byte, 0, 2*cap(g.buf)), g.buf...)
	}
	for range 100 {
		n, err := g.src.Read(g.buf[len(g.buf):cap(g.buf)])
		g.buf = g.buf[:len(g.buf)+n]
		g.err = err
		if n > 0 || err != nil {
			return
		}
	}
	g.err = io.ErrNoProgress
}
