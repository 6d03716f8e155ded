package upstream

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
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
)

// records hands out what comes over a connection below TLS, and never two records with
// one Read. crypto/tls reads as much as its buffer takes, and lets the buffer grow when
// the beginning of another record is left in it: to 40 kB for each stream, not 18.
//
// The head of the next record is read with the end of the present one, so that this takes
// no more system calls. Only one goroutine reads.
type records struct {
	src recordSource

	head       [recordHead]byte
	got, given int   // bytes of head: so many were read, and so many handed out
	left       int   // bytes of the record behind head that are not read yet
	err        error // of src, which Read has not returned yet
}

// recordSource is where records come from.
type recordSource interface {
	// read reads into b, and into next what comes after len(b) bytes. It returns 0 and no
	// error where nothing is there, unless it is to wait.
	read(b, next []byte, wait bool) (int, error)
}

// Read hands out bytes of one record.
func (r *records) Read(b []byte) (n int, err error) {
	for n < len(b) {
		switch {
		case r.given < r.got:
			m := copy(b[n:], r.head[r.given:r.got])
			n, r.given = n+m, r.given+m
			if r.given < recordHead {
				continue
			}
			if r.beginBody(); r.left == 0 {
				return n, nil
			}
		case r.left == 0:
			m, err := r.fill(r.head[r.got:], nil, n == 0)
			if r.got += m; m == 0 {
				return n, err
			}
		default:
			body, next := b[n:], []byte(nil)
			if len(body) >= r.left {
				body, next = body[:r.left], r.head[:]
			}
			m, err := r.fill(body, next, n == 0)
			n, r.left = n+min(m, len(body)), r.left-min(m, len(body))
			r.got, r.given = m-min(m, len(body)), 0
			if m == 0 || r.left == 0 && !r.alertNext() {
				return n, err
			}
		}
	}
	return n, nil
}

// beginBody begins with what is behind a head that was handed out.
func (r *records) beginBody() {
	r.left = int(binary.BigEndian.Uint16(r.head[3:]))
	r.got, r.given = 0, 0
}

// alertNext reports whether an alert follows. crypto/tls looks whether one is in its
// buffer, and tells the end of the connection with the last bytes then.
func (r *records) alertNext() bool { return r.got > 0 && r.head[0] == alertRecord }

// fill reads from the source. An error is returned to the caller of Read that gets no bytes.
func (r *records) fill(b, next []byte, wait bool) (int, error) {
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

// next returns the length of the record of data that comes next, without its head. It
// returns 0 where it is not known, or may bring something else.
func (r *records) next() int {
	if r.given > 0 || r.got < recordHead {
		return 0
	}
	if n := int(binary.BigEndian.Uint16(r.head[3:])); n >= dataRecord {
		return n
	}
	return 0
}
