package tokenfilter

import (
	"io"
	"slices"
	"strings"

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
	return &guard{src: r, known: known, found: found, searched: searches.Get().(*searched)}
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

	tail []byte // undecided, while the buffer is not in use
	last int    // bytes that the last read brought

	home    *[bufferSize]byte // the pooled buffer, once it was used
	buf     []byte            // nil while it is not in use
	r, done int
	skip    int // bytes to leave out after done
	err     error
	work    int // bytes looked at or copied; tests bound it
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	g.lighten(len(p))
	for glances := g.buf == nil; glances; {
		if g.err != nil {
			g.finish()
			return 0, g.err
		}
		var n int
		if n, glances = g.glance(p); n > 0 {
			if g.buf == nil && g.err == io.EOF {
				g.finish()
				return n, io.EOF
			}
			return n, nil
		}
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
			g.finish()
			return 0, g.err
		}
		g.fill()
	}
}

// glance reads into p and returns how many bytes of it hold no secret. ok is false when
// the buffer holds what follows them.
func (g *guard) glance(p []byte) (n int, ok bool) {
	held := len(g.tail)
	if g.home != nil {
		p = p[:min(len(p), bufferSize)] // another find is to fit
	}
	if len(p) < 2*held {
		g.take(g.tail)
		g.tail = g.tail[:0]
		return 0, false
	}
	copy(p, g.tail)
	g.tail = g.tail[:0]
	g.last, g.err = readSome(g.src, p[held:])
	b := p[:held+g.last]
	if g.last < held && g.err == nil { // otherwise the tail would be searched for each of a few bytes
		g.take(b)
		return 0, false
	}
	g.refresh()
	g.restart()
	n, size := g.next(b, 0)
	if size > 0 || len(b)-n > maxTail {
		g.take(b[n:])
		if g.skip = size; size > 0 {
			g.found()
		}
		return n, false
	}
	if g.err == nil { // otherwise the beginning of a secret is withheld
		g.tail = append(g.tail, b[n:]...)
	}
	return n, true
}

// next returns the offset in b of the first secret from offset from on, and its length.
// The length is 0 where the next bytes decide, or where there is none.
func (g *guard) next(b []byte, from int) (at, size int) {
	at, size = g.first(b, from, &g.work)
	if at < 0 {
		at = len(b)
	}
	if g.err != io.EOF {
		if undecided := len(b) - g.overlap(b[from:], &g.work); undecided <= at {
			return undecided, 0
		}
	}
	return at, size
}

// take puts b into the buffer, which is empty.
func (g *guard) take(b []byte) {
	if g.home == nil {
		g.home = buffers.Get().(*[bufferSize]byte)
	}
	g.buf = append(g.home[:0], b...)
	g.work += len(b)
	g.restart()
}

// lighten leaves the buffer where little of it is undecided and bytes come in large
// pieces. room is how much is asked for now.
func (g *guard) lighten(room int) {
	left := len(g.buf) - g.r
	if g.buf == nil || g.r < g.done || g.skip > 0 || g.err != nil || left > maxTail || g.last < largeRead || room < largeRead {
		return
	}
	g.tail = append(g.tail[:0], g.buf[g.r:]...)
	g.buf, g.r, g.done = nil, 0, 0
}

// finish gives everything back at the end.
func (g *guard) finish() {
	g.buf, g.r, g.done = nil, 0, 0
	if g.home != nil {
		buffers.Put(g.home)
		g.home = nil
	}
	if g.searched != nil {
		searches.Put(g.searched)
		g.searched = nil
	}
}

// decide searches the bytes that are not returned yet. It reports whether there are
// bytes to return or to leave out.
func (g *guard) decide() bool {
	g.refresh()
	if g.r == len(g.buf) {
		return false
	}
	if g.done, g.skip = g.next(g.buf, g.r); g.skip > 0 {
		g.found()
	}
	return g.done > g.r || g.skip > 0
}

func (g *guard) refresh() {
	now := g.known()
	if !slices.Equal(now, g.secrets) {
		g.prepare(now)
	}
}

func (g *guard) fill() {
	if g.r > 0 {
		n := copy(g.buf[:cap(g.buf)], g.buf[g.r:])
		g.work += n
		g.moved(g.r)
		g.buf, g.r, g.done = g.buf[:n], 0, 0
	}
	if len(g.buf) == cap(g.buf) {
		g.buf = append(make([]byte, 0, 2*cap(g.buf)), g.buf...)
	}
	g.last, g.err = readSome(g.src, g.buf[len(g.buf):cap(g.buf)])
	g.buf = g.buf[:len(g.buf)+g.last]
}
