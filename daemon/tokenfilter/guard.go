package tokenfilter

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"

	"shelfkeeper/daemon/redact"
)

// minKnown is the shortest secret that is searched for. A body may contain a shorter
// text by chance.
const minKnown = 16

// Guard returns r without the exact bytes of the secrets that known returns. JSON and
// Text go by the form of a token; Guard catches what they may miss. It calls known
// again as the body goes on, since tokens change, and found for each occurrence. Its
// time is linear in the body for each secret.
func Guard(r io.Reader, known func() []redact.Secret, found func()) io.Reader {
	g := &guard{src: r, known: known, found: found, searched: searches.Get().(*searched)}
	for i := range g.needles {
		g.needles[i].clear = 0
	}
	return g
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

	*searched

	home    *[bufferSize]byte
	buf     []byte
	r, done int
	skip    int // bytes to leave out after done
	err     error
	work    int // bytes looked at or copied; tests bound it
}

// searched are secrets, ready to be searched for. They are the same for most answers.
type searched struct {
	secrets []redact.Secret
	needles []needle
}

var searches = sync.Pool{New: func() any { return new(searched) }}

// needle is a secret and the few bytes of it that are searched for. The tokens of one
// server begin alike, so bytes near the end with a rare letter are found fastest.
type needle struct {
	whole []byte
	at    int // the searched bytes are whole[at:at+needleSize]
	clear int // no occurrence begins before this offset of the buffer, from r on
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

// find returns the offset in b of the first occurrence from offset from on, or -1.
// It never looks at bytes again that an earlier call has ruled out.
func (n *needle) find(b []byte, from int, work *int) int {
	part := n.whole[n.at : n.at+needleSize]
	n.clear = max(n.clear, from)
	for n.clear+len(n.whole) <= len(b) {
		i := bytes.Index(b[n.clear+n.at:], part)
		if i < 0 {
			*work += len(b) - n.clear - n.at
			// The last bytes may begin an occurrence.
			n.clear = len(b) - len(n.whole) + 1
			return -1
		}
		*work += i + 1
		n.clear += i
		if b := b[n.clear:]; len(b) < len(n.whole) {
			return -1
		} else if string(b[:len(n.whole)]) == string(n.whole) {
			return n.clear
		}
		*work += len(n.whole) / needleSize // compared in words
		n.clear++
	}
	return -1
}

// overlap returns the length of the longest end of b with which n begins.
func (n *needle) overlap(b []byte, work *int) int {
	tail := b[max(0, len(b)-len(n.whole)+1):]
	for {
		i := bytes.IndexByte(tail, n.whole[0])
		if i < 0 {
			*work += len(tail)
			return 0
		}
		*work += i + 1
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
				searches.Put(g.searched)
				g.searched = new(searched)
			}
			return 0, g.err
		}
		g.fill()
	}
}

// decide searches the bytes that are not returned yet. It reports whether there are
// bytes to return or to leave out.
func (g *guard) decide() bool {
	g.refresh()
	if g.r == len(g.buf) {
		return false
	}
	hit, size := -1, 0
	for i := range g.needles {
		n := &g.needles[i]
		if at := n.find(g.buf, g.r, &g.work); at >= 0 && (hit < 0 || at < hit) {
			hit, size = at, len(n.whole)
		}
	}
	if hit >= 0 {
		g.found()
		g.done, g.skip = hit, size
		return true
	}
	held := 0
	if g.err != io.EOF {
		for i := range g.needles {
			held = max(held, g.needles[i].overlap(g.buf[g.r:], &g.work))
		}
	}
	g.done = len(g.buf) - held
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
		g.work += n
		for i := range g.needles {
			g.needles[i].clear -= g.r
		}
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
