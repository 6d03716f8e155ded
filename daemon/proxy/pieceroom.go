package proxy

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// largePiece is the piece in which fast bodies are copied: they cost few calls.
	largePiece = 64 << 10
	// hugePiece is for long answers that are filtered, each piece of which is a chunk and
	// costs two calls, and for files that are fetched whole.
	hugePiece = 256 << 10
	// mostHuge is how many answers have one at once.
	mostHuge = 4
	// smallPiece suffices for a stream that is played, and hundreds of them take little.
	smallPiece = 16 << 10
	// keptBack is how much of a full piece the filter may keep for the next one.
	keptBack = 1 << 10
	// manySmall full pieces within fastPieces make a body fast: more than 40 Mbit/s. It gets
	// large pieces once filled bytes came so fast: the beginning of any file fills the
	// buffers of player and system at once.
	manySmall  = 8
	fastPieces = 25 * time.Millisecond
	filled     = 4 << 20
	// slowPiece is what a large piece takes of a body that is not fast any more: less
	// than 5 Mbit/s.
	slowPiece = 100 * time.Millisecond
	// fetched bytes in large pieces make a file one that is fetched and not played. What
	// players fill at once, and the system's buffers before them, is mostly less.
	fetched = 8 << 20
	// mostLarge is how many bodies have large pieces at once. Many players that begin
	// together fill their buffers fast, and have no use for large ones afterwards.
	mostLarge = 16
)

// grown counts the bodies that have large pieces because they are fast.
var grown atomic.Int32

// huge counts the answers that have huge pieces.
var huge atomic.Int32

var (
	largePieces = sync.Pool{New: func() any { return new([largePiece]byte) }}
	smallPieces = sync.Pool{New: func() any { return new([smallPiece]byte) }}
	hugePieces  = sync.Pool{New: func() any { return new([hugePiece]byte) }}
)

// pieceRoom is the memory through which one body goes. It grows for a fast one. The zero
// value is ready.
type pieceRoom struct {
	few   *[smallPiece]byte
	many  *[largePiece]byte
	most  *[hugePiece]byte // counted in huge
	grown bool             // many is counted
	file  bool             // most is for a file, which may be played from some moment on
	began time.Time        // of the small pieces that are counted, or of the large one
	full  int
	bytes int // that came fast in pieces of this size, of a file
}

// large returns the room for a large piece.
func (r *pieceRoom) large() []byte {
	if r.many == nil {
		r.many = largePieces.Get().(*[largePiece]byte)
	}
	return r.many[:]
}

// next returns the room for the next piece.
func (r *pieceRoom) next() []byte {
	if r.most != nil {
		return r.most[:]
	}
	if r.many != nil {
		return r.many[:]
	}
	if r.few == nil {
		r.few = smallPieces.Get().(*[smallPiece]byte)
		r.began = time.Now()
	}
	return r.few[:]
}

// passed says how many bytes the last piece had. Nothing of it is needed any more.
func (r *pieceRoom) passed(n int) {
	if r.most != nil && !r.file {
		return
	}
	if r.most != nil || r.many != nil {
		r.largePassed(n)
		return
	}
	if n >= smallPiece-keptBack {
		r.full++
	}
	if n >= smallPiece-keptBack && r.full < manySmall {
		return
	}
	now := time.Now()
	if fast := r.full >= manySmall && now.Sub(r.began) < fastPieces; fast {
		if r.bytes += manySmall * smallPiece; r.bytes >= filled && r.grow() {
			r.release()
			r.grown = true
			r.large()
		}
	}
	r.began, r.full = now, 0
}

// largePassed is passed for a large or a huge piece.
func (r *pieceRoom) largePassed(n int) {
	now := time.Now()
	took := now.Sub(r.began)
	r.began = now
	switch {
	case (r.grown || r.file) && took > slowPiece:
		r.release()
	case r.file:
	case r.grown:
		if r.bytes += n; r.bytes >= fetched {
			r.bytes = 0
			r.swell()
		}
	case n >= largePiece-keptBack:
		if r.full++; r.full == manySmall {
			r.swell()
		}
	}
}

// grow counts one more body with large pieces, unless there are many.
func (r *pieceRoom) grow() bool {
	if grown.Add(1) <= mostLarge {
		return true
	}
	grown.Add(-1)
	return false
}

// swell gives a long answer or a file huge pieces, unless there are some.
func (r *pieceRoom) swell() {
	if huge.Add(1) <= mostHuge {
		file := r.grown
		r.release()
		r.most, r.file = hugePieces.Get().(*[hugePiece]byte), file
		return
	}
	huge.Add(-1)
}

// release gives the memory back.
func (r *pieceRoom) release() {
	if r.few != nil {
		smallPieces.Put(r.few)
	}
	if r.many != nil {
		largePieces.Put(r.many)
	}
	if r.most != nil {
		hugePieces.Put(r.most)
		huge.Add(-1)
	}
	if r.grown {
		grown.Add(-1)
	}
	r.few, r.many, r.most, r.grown, r.file, r.full, r.bytes = nil, nil, nil, false, false, 0, 0
}
