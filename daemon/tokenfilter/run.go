package tokenfilter

type verdict int

const (
	more  verdict = iota // undecided before the document goes on
	over                 // no token up to next
	token                // a token from header up to next
)

// run follows one unbroken row of token characters, part after part. It keeps at
// most the part that may be a header, and the parts after it.
type run struct {
	escapes bool
	escaped bool   // an escape occurred since start: characters and bytes differ
	text    []byte // the characters kept, escapes undone
	start   int    // raw offset of text[0]
	next    int    // raw offset of the element to come
	dot     int    // index of the dot after the header part, or -1
	part    int    // raw offset of the part after dot
	header  int    // index at which the header begins, once header and payload are valid; else -1
	sig     int    // index at which the signature begins, likewise
	claims  Claims
	work    int // bytes looked at, copied or decoded; tests bound it
}

func (w *run) begin(at int, escapes bool) {
	*w = run{escapes: escapes, text: w.text[:0], start: at, next: at, part: at, dot: -1, header: -1, work: w.work}
}

func (w *run) shift(by int) { w.start, w.next, w.part = w.start-by, w.next-by, w.part-by }

// walk continues in buf from next. The document ends with buf when last is true.
func (w *run) walk(buf []byte, last bool) verdict {
	for w.next < len(buf) {
		e := elementAt(buf[w.next:], w.escapes, last)
		switch {
		case e.size == 0:
			return more
		case !e.part:
			return w.end()
		case e.c == '.' && w.header >= 0:
			return w.end()
		}
		w.escaped = w.escaped || e.size > 1
		w.text = append(w.text, e.c)
		w.next += e.size
		w.work += e.size
		if w.header >= 0 {
			if len(w.text)-w.sig >= maxPart {
				return w.end() // too long for a request, but its beginning is a real token
			}
			continue
		}
		if e.c == '.' {
			w.closePart()
		} else if len(w.text)-w.dot > maxPart {
			w.dropTo(buf, len(w.text)-maxHeader) // too long for a payload; its end may be a header
		}
	}
	if last {
		return w.end()
	}
	return more
}

func (w *run) end() verdict {
	if w.header >= 0 && len(w.text) > w.sig {
		return token
	}
	return over
}

// closePart examines the part before the dot that was just read.
func (w *run) closePart() {
	end := len(w.text) - 1
	if w.dot >= 0 {
		payload := w.text[w.dot+1 : end]
		if len(payload) > 2 && payload[0] == 'e' && payload[1] == 'y' {
			if h := headerStart(w.text[:w.dot], &w.work); h >= 0 {
				w.work += len(payload)
				if claims, ok := payloadClaims(payload); ok {
					w.header, w.sig, w.claims = h, end+1, claims
					return
				}
			}
		}
		// The examined payload may be the header of the next one.
		n := copy(w.text, w.text[w.dot+1:])
		w.work += n
		w.text = w.text[:n]
		w.start = w.part
		end = n - 1
	}
	w.dot = end
	w.part = w.next
}

// dropTo forgets the characters before index i, and the dot among them.
func (w *run) dropTo(buf []byte, i int) {
	w.start = w.rawAt(buf, i)
	w.text = w.text[:copy(w.text, w.text[i:])]
	w.work += len(w.text)
	w.dot, w.part = -1, w.start
}

// rawAt returns the raw offset of character i.
func (w *run) rawAt(buf []byte, i int) int {
	if !w.escaped {
		return w.start + i
	}
	at := w.start
	for range i {
		at += elementAt(buf[at:], w.escapes, true).size
	}
	w.work += at - w.start
	return at
}
