package upstream

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
)

const (
	// recordHead is the length of the head of a TLS record (RFC 8446, 5.1): its type, a
	// version, and the length of what follows in two bytes.
	recordHead = 5
	// alertRecord is the type of a record with an alert. TLS 1.3 hides it.
	alertRecord = 21
	// dataRecord is how long a record must be to bring data for sure: messages of the
	// TLS layer are shorter.
	dataRecord = 4 << 10
	// fullRecord is how many bytes of data a record brings at most.
	fullRecord = 16 << 10
	// readAhead is how much is read behind a record at once of a body that is fetched.
	readAhead = 64 << 10
	// fetchedPiece is how much is asked for at once of such a body.
	fetchedPiece = 128 << 10
)

// records hands out what comes over a connection below TLS, and never two records with
// one Read. crypto/tls reads as much as its buffer takes, and lets the buffer grow when
// the beginning of another record is left in it: to 40 kB for each stream, not 18.
//
// The head of the next record is read with the end of the present one, so that this takes
// no more system calls. Of a body that is fetched several records are read at once. Only
// one goroutine reads.
type records struct {
	src     recordSource
	fetches bool // several records are read at once

	head  [recordHead]byte // of the present record
	given int              // bytes of head that were handed out, while it is not whole
	left  int              // bytes behind head that were not handed out
	ahead []byte           // what was read and not handed out, in few or many
	few   [recordHead]byte
	many  *[readAhead]byte // nil while nothing is in it
	err   error            // of src, which Read has not returned yet
}

var aheads = sync.Pool{New: func() any { return new([readAhead]byte) }}

// recordSource is where records come from.
type recordSource interface {
	// read reads into b, and into next what comes after len(b) bytes. It returns 0 and no
	// error where nothing is there, unless it is to wait.
	read(b, next []byte, wait bool) (int, error)
}

// Read hands out bytes of one record, and of an alert behind it: crypto/tls looks whether
// one is in its buffer, and tells the end of the connection with the last bytes then.
func (r *records) Read(b []byte) (n int, err error) {
	for n < len(b) {
		var m int
		if len(r.ahead) > 0 {
			m = r.handOut(b[n:])
		} else {
			var came bool
			if m, came, err = r.fill(b[n:], n == 0); !came {
				return n, err
			}
		}
		n += m
		if over := r.left == 0 && r.given == 0; m > 0 && over && !r.alertNext() {
			return n, nil
		}
	}
	return n, nil
}

// fill reads the rest of the present record into b, where it is known, and what comes behind
// it ahead. It returns how many bytes are in b, and whether anything came.
func (r *records) fill(b []byte, wait bool) (n int, came bool, err error) {
	body, next := b[:min(len(b), r.left)], []byte(nil)
	switch {
	case r.fetches && len(body) == r.left:
		r.many = aheads.Get().(*[readAhead]byte)
		next = r.many[:]
	case len(body) == r.left:
		next = r.few[r.given:]
	}
	first, second := body, next
	if len(body) == 0 {
		first, second = next, nil
	}
	m, err := r.read(first, second, wait)
	n = min(m, len(body))
	r.left -= n
	r.ahead = next[:m-n]
	r.tidy()
	return n, m > 0, err
}

// handOut puts into b what was read ahead of the present record.
func (r *records) handOut(b []byte) (n int) {
	if r.left == 0 {
		n = copy(b, r.ahead[:min(len(r.ahead), recordHead-r.given)])
		copy(r.head[r.given:], r.ahead[:n])
		if r.given += n; r.given == recordHead {
			r.given, r.left = 0, int(binary.BigEndian.Uint16(r.head[3:]))
		}
	} else {
		n = copy(b, r.ahead[:min(len(r.ahead), r.left)])
		r.left -= n
	}
	r.ahead = r.ahead[n:]
	r.tidy()
	return n
}

// tidy gives the memory back in which nothing is.
func (r *records) tidy() {
	if len(r.ahead) == 0 && r.many != nil {
		aheads.Put(r.many)
		r.many = nil
	}
}

func (r *records) alertNext() bool { return len(r.ahead) > 0 && r.ahead[0] == alertRecord }

// read reads from the source. An error is returned to the caller of Read that gets no bytes.
func (r *records) read(b, next []byte, wait bool) (int, error) {
	if r.err != nil && !wait {
		return 0, nil
	}
	if r.err != nil {
		err := r.err
		r.err = nil
		return 0, err
	}
	n, err := r.src.read(b, next, wait)
	if err != nil && (n > 0 || !wait) {
		if !errors.Is(err, os.ErrDeadlineExceeded) { // which shows again
			r.err = err
		}
		err = nil
	}
	if n == 0 && err == nil && wait {
		err = io.ErrNoProgress
	}
	return n, err
}

// begun reports whether a part of a record was read that is not handed out, or the other
// way round.
func (r *records) begun() bool { return r.given > 0 || r.left > 0 || len(r.ahead) > 0 }

// next returns the length of the record of data that comes next, without its head, and how
// many of these bytes were read already. It returns 0 where the length is not known, or the
// record may bring something else.
func (r *records) next() (n, read int) {
	if r.given > 0 || r.left > 0 || len(r.ahead) < recordHead {
		return 0, 0
	}
	if n := int(binary.BigEndian.Uint16(r.ahead[3:])); n >= dataRecord {
		return n, min(n, len(r.ahead)-recordHead)
	}
	return 0, 0
}
