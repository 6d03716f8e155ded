package tokenfilter

import (
	"bytes"
	"io"
	"sync"
)

// bufferSize is how much is read at a time. It grows only for a token that is
// written wholly in escapes, and never beyond a few times maxPart*6.
const bufferSize = 32 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// reader is the filter. It walks over the document with two fast searches
// only: for ".ey", which begins every payload, and in JSON for backslashes.
// What they find is looked at by a run, character by character.
//
// Offsets are into buf. What lies before done is decided and passes as it is.
type reader struct {
	src     io.Reader
	replace Replace
	escapes bool

	home *[bufferSize]byte // the pooled buffer, while it is in use
	buf  []byte            // the document from r on, as far as read
	r    int               // given out up to here
	done int
	pos  int // searched up to here; begins an element
	low  int // no token begins before; begins an element, at most pos
	err  error

	run     run
	inRun   bool
	instead []byte // given out after done
	resume  int    // where to go on after instead; -1 when no token was found
}

func newReader(src io.Reader, replace Replace, escapes bool) *reader {
	return &reader{src: src, replace: replace, escapes: escapes, resume: -1}
}

// Read implements io.Reader.
func (f *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := 0
	for n < len(p) {
		switch {
		case f.r < f.done:
			c := copy(p[n:], f.buf[f.r:f.done])
			f.r += c
			n += c
		case f.resume >= 0:
			c := copy(p[n:], f.instead)
			n += c
			if f.instead = f.instead[c:]; len(f.instead) == 0 {
				f.r, f.done, f.pos, f.low = f.resume, f.resume, f.resume, f.resume
				f.resume = -1
			}
		case f.advance():
		case f.err != nil:
			if n > 0 {
				return n, nil
			}
			f.release()
			return 0, f.err
		case n > 0:
			return n, nil
		default:
			f.fill()
		}
	}
	return n, nil
}

// advance decides as much as can be decided without reading on. It reports
// whether there is anything new to give out.
func (f *reader) advance() bool {
	if f.err != nil && f.err != io.EOF {
		return false // a token may be under way: what is undecided is withheld
	}
	for {
		if !f.inRun {
			at, end := f.search()
			if at < 0 {
				f.done = f.undecided(end)
				f.low = max(f.low, f.done)
				f.pos = max(f.pos, f.done)
				return f.done > f.r
			}
			f.run.begin(f.back(at), f.escapes)
			f.inRun = true
		}
		switch f.run.walk(f.buf, f.err != nil) {
		case more:
			f.done = f.run.start
			return f.done > f.r
		case over:
			f.inRun = false
			f.low, f.pos = f.run.next, f.run.next
		case token:
			f.inRun = false
			f.done = f.run.rawAt(f.buf, f.run.header)
			f.resume = f.run.next
			f.instead = nil
			if b := f.replace(f.run.claims); harmless(b) {
				f.instead = b
			}
			return true
		}
	}
}

// search returns the next place at which a token may be found. Without one it
// returns -1, and how far elements are complete.
func (f *reader) search() (at, end int) {
	for {
		end, backslash := len(f.buf), -1
		if f.escapes {
			if backslash = bytes.IndexByte(f.buf[f.pos:], '\\'); backslash >= 0 {
				end = f.pos + backslash
			}
		}
		if i := bytes.Index(f.buf[f.pos:end], []byte(".ey")); i >= 0 {
			return f.pos + i, 0
		}
		if backslash < 0 {
			// The next bytes may complete the pattern.
			f.pos = max(f.pos, end-len(".e"))
			return -1, end
		}
		f.pos = end
		switch e := escapeAt(f.buf[end:], f.err != nil); {
		case e.size == 0:
			return -1, end
		case e.part:
			return end, 0
		default:
			f.pos += e.size
			f.low = f.pos
		}
	}
}

// undecided returns from where on the document up to end could be the
// beginning of a token's header.
func (f *reader) undecided(end int) int {
	if f.err != nil {
		return len(f.buf)
	}
	return f.back(end)
}

// back returns where the plain characters before at begin that can stand in
// one token with what follows.
func (f *reader) back(at int) int {
	low := max(f.low, at-maxHeader-len(".ey"))
	for at > low && alphabet[f.buf[at-1]] {
		at--
	}
	return at
}

// fill reads on, keeping what is not given out yet.
func (f *reader) fill() {
	if f.home == nil {
		f.home = buffers.Get().(*[bufferSize]byte)
		f.buf = f.home[:0]
	}
	if f.r == len(f.buf) || len(f.buf) == cap(f.buf) {
		shift := f.r
		if len(f.buf)-shift > cap(f.buf)/2 {
			f.buf = append(make([]byte, 0, 2*cap(f.buf)), f.buf[shift:]...)
		} else {
			f.buf = f.buf[:copy(f.buf[:cap(f.buf)], f.buf[shift:])]
		}
		f.r, f.done, f.pos, f.low = 0, f.done-shift, f.pos-shift, f.low-shift
		f.run.shift(shift)
	}
	for range 100 {
		n, err := f.src.Read(f.buf[len(f.buf):cap(f.buf)])
		f.buf = f.buf[:len(f.buf)+n]
		f.err = err
		if n > 0 || err != nil {
			return
		}
	}
	f.err = io.ErrNoProgress
}

// release gives the buffer back once nothing is read any more.
func (f *reader) release() {
	if f.home != nil {
		buffers.Put(f.home)
		f.home, f.buf = nil, nil
		f.r, f.done, f.pos, f.low = 0, 0, 0, 0
		f.inRun = false
	}
}
