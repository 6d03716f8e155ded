package proxy

import (
	"sync"
	"sync/atomic"
	"time"

	"shelfkeeper/daemon/memory"
)

const (
	// manyBodies is how many bodies at once make the collector keep little garbage. What
	// they hold is then most of the memory, and they make hardly any garbage.
	manyBodies = 16
	// manyPercent is that garbage, in percent of what is in use.
	manyPercent = 30
	// manyBegun is how long after the last one of many bodies began they have all begun.
	manyBegun = time.Second
	// manyAgain is how long after bodies became many the program is given back for as many
	// of them again.
	manyAgain = 5 * time.Second
)

// bodies counts those that are being copied, over all accounts: memory is the process's.
var bodies struct {
	// begun is when they have all begun, in ns since bodiesBorn; 0 while they are few, and
	// once what their beginning took was given back.
	begun atomic.Int64

	mu       sync.Mutex
	n        int
	wasteful func()    // ends frugality; nil while there are few
	last     time.Time // when they became many
	released int       // how many they were when the program was given back
}

var bodiesBorn = time.Now()

// beginBody counts one more body until end is called.
func beginBody() (end func()) {
	if manyBegin() {
		memory.GiveBackProgram() // a stream needs less of it than what came before
	}
	return endBody
}

// manyBegin counts one more body, and reports whether the program is to be given back: when
// they become many, and whenever they are twice as many.
func manyBegin() bool {
	b := &bodies
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	if b.wasteful == nil && b.n >= manyBodies {
		b.wasteful = memory.Frugal(manyPercent)
		now := time.Now()
		if now.Sub(b.last) > manyAgain {
			b.last, b.released = now, manyBodies/2
		}
	}
	if b.wasteful == nil {
		return false
	}
	b.begun.Store(int64(time.Since(bodiesBorn) + manyBegun))
	if b.n < 2*b.released {
		return false
	}
	b.released = b.n
	return true
}

// haveBegun reports whether what the beginning of many bodies took is to be given back. It is
// asked with each piece that passes, by whichever body comes first, so no timer is needed.
func haveBegun() bool {
	at := bodies.begun.Load()
	return at != 0 && int64(time.Since(bodiesBorn)) >= at && bodies.begun.CompareAndSwap(at, 0)
}

func endBody() {
	b := &bodies
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n--; b.n <= manyBodies/2 && b.wasteful != nil {
		b.wasteful()
		b.wasteful = nil
		b.begun.Store(0)
	}
}
