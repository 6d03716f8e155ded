package tokenfilter

import (
	"bytes"
	"io"
	"sync"
)

// bufferSize is the size of the buffer. It grows only for a token in escapes, to at
// most a few times maxPart*6.
const bufferSize = 64 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// reader is the filter. As long as nothing looks like a token it only glances at what
// passes. Then two searches move over the document: one for ".ey", with which every
// payload begins, and in JSON one for backslashes. A run examines their results character
// by character. The time is linear in the document.
//
// Offsets are into buf. Everything before done is decided and passes unchanged.
type reader struct {
	src     io.Reader
	replace Replace
	escapes bool

	tail []byte // undecided, while the buffer is not in use
	last int    // bytes that the last read brought
	wary int    // pieces that still go through the buffer

	home *[bufferSize]byte // the pooled buffer, once it was used
	buf  []byte            // the document from r on, as far as read; nil while it is not in use
	r    int               // returned up to here
	done int
	pos  int // searched up to here; begins an element
	low  int // no token begins before; begins an element, at most pos
	err  error

	clear int // no backslash from pos up to here
	plain int // from done up to here stand token characters only, or it is at most done

	run     run
	inRun   bool
	instead []byte // returned after done
	resume  int    // where to continue after instead; -1 when no token was found
	work    int    // bytes looked at or copied; tests bound it
}

func newReader(src io.Reader, replace Replace, escapes bool) *reader {
	return &reader{src: src, replace: replace, escapes: escapes, resume: -1}
}

// Read implements io.Reader.
func (f *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	f.lighten(len(p))
	n := 0
	for glances := f.buf == nil; glances; {
		if f.err != nil {
			f.release()
			return 0, f.err
		}
		if n, glances = f.glance(p); n > 0 || glances && f.err == io.EOF {
			return n, f.over()
		}
	}
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
				f.r, f.done, f.pos, f.low, f.plain = f.resume, f.resume, f.resume, f.resume, f.resume
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

// over returns io.EOF after the last bytes.
func (f *reader) over() error {
	if f.buf == nil && f.err == io.EOF {
		f.release()
		return io.EOF
	}
	return nil
}

// advance decides as much as possible without reading on. It reports whether there
// are new bytes to return.
func (f *reader) advance() bool {
	if f.err != nil && f.err != io.EOF {
		return false // undecided bytes may be a part of a token and are withheld
	}
	for {
		if !f.inRun {
			at, end := f.search()
			if at < 0 {
				f.done = f.undecided(end)
				f.plain = end
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
			f.low, f.pos, f.plain = f.run.next, f.run.next, f.run.next
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

// search returns the next place at which a token may be. Without one it returns -1,
// and the end of the complete elements.
func (f *reader) search() (at, end int) {
	for {
		end = f.nextEscape()
		if i := bytes.Index(f.buf[f.pos:end], pattern); i >= 0 {
			f.work += i
			return f.pos + i, 0
		}
		f.work += end - f.pos
		if end == len(f.buf) {
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

// nextEscape returns the offset of the first backslash from pos on, or the end of
// buf. It remembers the last one, since pos may stop many times before it.
func (f *reader) nextEscape() int {
	if !f.escapes {
		return len(f.buf)
	}
	from := max(f.pos, f.clear)
	if i := bytes.IndexByte(f.buf[from:], '\\'); i >= 0 {
		f.clear = from + i
	} else {
		f.clear = len(f.buf)
	}
	f.work += f.clear - from + 1
	return f.clear
}

// undecided returns the offset from which on the document up to end may be the
// beginning of a token's header.
func (f *reader) undecided(end int) int {
	if f.err != nil {
		return len(f.buf)
	}
	return f.back(end)
}

// back returns the offset at which the token characters before at begin, as far as
// they can belong to one token with the following ones.
func (f *reader) back(at int) int {
	low := max(f.low, at-maxHeader-len(".ey"))
	for at > low && alphabet[f.buf[at-1]] {
		if at == f.plain {
			return max(low, f.done)
		}
		at--
		f.work++
	}
	return at
}

// fill reads on and keeps the bytes that are not returned yet.
func (f *reader) fill() {
	if f.r == len(f.buf) || len(f.buf) == cap(f.buf) {
		shift := f.r
		if len(f.buf)-shift > cap(f.buf)/2 {
			f.buf = append(make([]byte, 0, 2*cap(f.buf)), f.buf[shift:]...)
		} else {
			f.buf = f.buf[:copy(f.buf[:cap(f.buf)], f.buf[shift:])]
		}
		f.work += len(f.buf)
		f.r, f.done, f.pos, f.low = 0, f.done-shift, f.pos-shift, f.low-shift
		f.plain, f.clear = f.plain-shift, f.clear-shift
		f.run.shift(shift)
	}
	f.last, f.err = readSome(f.src, f.buf[len(f.buf):cap(f.buf)])
	f.buf = f.buf[:len(f.buf)+f.last]
}

// empty says that the buffer is not in use any more.
func (f *reader) empty() {
	f.buf, f.inRun = nil, false
	f.r, f.done, f.pos, f.low, f.plain, f.clear = 0, 0, 0, 0, 0, 0
}

// release returns the buffer to the pool at the end.
func (f *reader) release() {
	f.empty()
	if f.home != nil {
		buffers.Put(f.home)
		f.home = nil
	}
}
