package proxy

import (
	"sync"
	"time"
)

const (
	// largePiece is the piece in which fast bodies are copied: they cost few calls.
	largePiece = 64 << 10
	// smallPiece suffices for a stream that is played, and hundreds of them take little.
	smallPiece = 16 << 10
	// manySmall full pieces within fastPieces make a body fast: more than 40 Mbit/s.
	manySmall  = 8
	fastPieces = 25 * time.Millisecond
)

var (
	largePieces = sync.Pool{New: func() any { return new([largePiece]byte) }}
	smallPieces = sync.Pool{New: func() any { return new([smallPiece]byte) }}
)

// pieceRoom is the memory through which one body goes. It grows for a fast one. The zero
// value is ready.
type pieceRoom struct {
	few   *[smallPiece]byte
	many  *[largePiece]byte
	began time.Time // of the small pieces that are counted
	full  int
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
	if r.many != nil {
		return
	}
	if n == smallPiece {
		r.full++
	}
	if n == smallPiece && r.full < manySmall {
		return
	}
	now := time.Now()
	if fast := r.full >= manySmall && now.Sub(r.began) < fastPieces; fast {
		r.release()
		r.large()
	}
	r.began, r.full = now, 0
}

// release gives the memory back.
func (r *pieceRoom) release() {
	if r.few != nil {
		smallPieces.Put(r.few)
	}
	if r.many != nil {
		largePieces.Put(r.many)
	}
	r.few, r.many = nil, nil
}
