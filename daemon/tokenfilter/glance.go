package tokenfilter

import (
	"bytes"
	"io"
)

// Nearly all that passes holds nothing that could be a token. A reader and a guard look
// through it in the place to which it was asked to be read, so it is never copied. Only
// where something is found, or where a body comes in small pieces, they use a buffer.

const (
	// maxTail bounds what waits, without a buffer, for the bytes that decide it.
	maxTail = 1 << 10
	// largeRead is a read after which the buffer may be left. One who sends single bytes
	// cannot make the filter change its ways for each.
	largeRead = 2 * maxTail
	// wariness is how many further pieces the buffer takes after one of which a glance
	// decided less than half: a body of such pieces would be looked at twice.
	wariness = 4
)

// pattern is in every token: its payload is base64 of an object that begins with a name.
var pattern = []byte(".ey")

// letterEscape begins an escape that may stand for a character of a token.
var letterEscape = []byte(`\u`)

// row says of each byte whether a token may go on over it, escapes included. After any
// other byte begins an element, and no token spans it.
var row = func() (t [256]bool) {
	t = alphabet
	t['\\'] = true
	return t
}()

// rowStart returns where the row of such bytes begins that ends before at.
func rowStart(b []byte, at int) int {
	for at > 0 && row[b[at-1]] {
		at--
	}
	return at
}

// glance reads into p and returns how many bytes of it are decided. ok is false when the
// buffer holds what follows them.
func (f *reader) glance(p []byte) (n int, ok bool) {
	held := len(f.tail)
	if f.home != nil {
		p = p[:min(len(p), bufferSize)] // another find is to fit
	}
	if len(p) < 2*held {
		f.take(f.tail)
		f.tail = f.tail[:0]
		return 0, false
	}
	copy(p, f.tail)
	f.tail = f.tail[:0]
	f.last, f.err = readSome(f.src, p[held:])
	b := p[:held+f.last]
	if f.last < held && f.err == nil { // otherwise the tail would be looked at for each of a few bytes
		f.take(b)
		return 0, false
	}
	f.work += len(b)
	if at := f.suspicious(b); at >= 0 {
		start := rowStart(b, at)
		f.work += at - start
		f.doubt(start, len(b))
		f.take(b[start:])
		return start, false
	}
	if f.err == io.EOF {
		return len(b), true
	}
	start := rowStart(b, len(b))
	f.work += len(b) - start
	switch {
	case f.err != nil: // what may be the beginning of a token is withheld
	case len(b)-start > maxTail:
		f.doubt(start, len(b))
		f.take(b[start:])
		return start, false
	default:
		f.tail = append(f.tail, b[start:]...)
	}
	return start, true
}

// suspicious returns the first place in b that may belong to a token, or -1: the pattern,
// or an escape of one of a token's characters. It may take the end of an escaped
// backslash for the beginning of an escape.
func (f *reader) suspicious(b []byte) int {
	at := bytes.Index(b, pattern)
	if !f.escapes {
		return at
	}
	if at >= 0 {
		b = b[:at]
	}
	for from := 0; ; from += len(letterEscape) {
		i := bytes.Index(b[from:], letterEscape)
		if i < 0 {
			return at
		}
		from += i
		if e := escapeAt(b[from:], false); e.part || e.size == 0 {
			return from
		}
	}
}

// doubt counts what a glance at size bytes decided.
func (f *reader) doubt(decided, size int) {
	if decided < size/2 {
		f.wary = wariness
	}
}

// take puts b into the buffer, which is empty.
func (f *reader) take(b []byte) {
	if f.home == nil {
		f.home = buffers.Get().(*[bufferSize]byte)
	}
	f.buf = append(f.home[:0], b...)
	f.work += len(b)
}

// lighten leaves the buffer where little of it is undecided and bytes come in large
// pieces. room is how much is asked for now.
func (f *reader) lighten(room int) {
	left := len(f.buf) - f.r
	if f.buf == nil || f.r < f.done || f.resume >= 0 || f.inRun || f.err != nil || left > maxTail ||
		f.last < largeRead || room < largeRead {
		return
	}
	if f.wary > 0 {
		f.wary--
		return
	}
	f.tail = append(f.tail[:0], f.buf[f.r:]...)
	f.empty()
}

// readSome reads until there is something, or an error.
func readSome(src io.Reader, p []byte) (int, error) {
	for range 100 {
		if n, err := src.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
