package wsconn

import (
	"sync"
	"time"
)

// budget bounds the bytes that several connections hold together.
type budget struct {
	limit int

	mu    sync.Mutex
	used  int
	freed chan struct{} // closed at the next release
}

func newBudget(limit int) *budget { return &budget{limit: limit, freed: make(chan struct{})} }

// reserve takes n bytes and reports whether there was room. When nothing is in use,
// there is always room. Otherwise it returns a channel that is closed when bytes are
// released.
func (b *budget) reserve(n int) (ok bool, freed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used > 0 && b.used+n > b.limit {
		return false, b.freed
	}
	b.used += n
	return true, nil
}

// add takes n bytes whether or not there is room.
func (b *budget) add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used += n
}

func (b *budget) release(n int) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	close(b.freed)
	b.freed = make(chan struct{})
}

const (
	// smallFrame is the largest frame of the server, in bytes, that needs no turn.
	// Nearly all events are far smaller.
	smallFrame = 64 << 10
	// turnWait is how long a connection waits for its turn: less than the 20 s in
	// which ABS wants its ping answered.
	turnWait = 15 * time.Second
)

// Turns bounds how many large frames of the server several Sockets hold at one time,
// from the first bytes to the end of Config.Events. One frame may have MaxPacket
// bytes, and the server sends the same one to every socket of a user.
type Turns struct{ slots chan struct{} }

// NewTurns returns Turns for n large frames at one time.
func NewTurns(n int) *Turns { return &Turns{slots: make(chan struct{}, n)} }

// turn lets one connection take turns, one at a time: its next large frame is not read
// before the event of the last one is consumed.
type turn struct {
	of  *Turns
	own chan struct{} // holds one
}

func newTurn(of *Turns) *turn { return &turn{of: of, own: make(chan struct{}, 1)} }

// take waits for a turn. It reports false when none came in time, or when quit was
// closed. Without Turns there is no bound.
func (t *turn) take(quit <-chan struct{}) bool {
	if t.of == nil {
		return true
	}
	late := time.NewTimer(turnWait)
	defer late.Stop()
	select {
	case t.own <- struct{}{}:
	case <-quit:
		return false
	case <-late.C:
		return false
	}
	select {
	case t.of.slots <- struct{}{}:
		return true
	case <-quit:
	case <-late.C:
	}
	<-t.own
	return false
}

// end ends the turn. Any goroutine may call it, once for each turn.
func (t *turn) end() {
	if t.of != nil {
		<-t.of.slots
		<-t.own
	}
}
