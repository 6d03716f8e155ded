package memory

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// loadOver is how long nobody has worked when a load is over.
	loadOver = 10 * time.Second
	// idleSize is what an idle process needs, with one account.
	idleSize = 8 << 20
	// loadLeft is how much more than an idle one a process must hold for it to be worth two
	// collections. Small requests leave less.
	loadLeft = 8 << 20
)

// kept is what this process held after it had last given back: fifty accounts need more
// than one, and are no load.
var kept atomic.Int64

// Load gives back what a load has left, once it is over: the runtime keeps it, and the
// pages of the program file, until something else needs them. A process that was busy once
// would be large for ever. No timer runs while nobody works. Use NewLoad.
type Load struct {
	working atomic.Int64
	last    atomic.Int64 // when the last one ended, in ns since born
	set     atomic.Bool  // the timer runs
	born    time.Time
	large   func() bool
	give    func()

	mu      sync.Mutex
	timer   *time.Timer // nil before it was set
	closed  bool
	running sync.WaitGroup
}

// NewLoad returns a Load on which nobody works. Close ends it.
func NewLoad() *Load {
	return &Load{born: time.Now(), large: func() bool { return resident() > max(idleSize, kept.Load())+loadLeft }, give: GiveBack}
}

// Begin counts one more that works, and End one less. They cost little.
func (l *Load) Begin() { l.working.Add(1) }

// End is called once for each Begin.
func (l *Load) End() {
	if l.working.Add(-1) > 0 {
		return
	}
	l.last.Store(int64(time.Since(l.born)))
	if l.set.CompareAndSwap(false, true) {
		l.arm(loadOver)
	}
}

func (l *Load) arm(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
	case l.timer == nil:
		l.timer = time.AfterFunc(d, l.look)
	default:
		l.timer.Reset(d)
	}
}

// look gives back what is left, or comes again. While somebody works it leaves that to End.
func (l *Load) look() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.running.Add(1)
	l.mu.Unlock()
	defer l.running.Done()
	if quiet := time.Since(l.born) - time.Duration(l.last.Load()); quiet < loadOver {
		l.arm(loadOver - quiet)
		return
	}
	l.set.Store(false)
	if l.working.Load() == 0 && l.large() {
		l.give()
	}
}

// Close ends the watch, and waits for what gives back at this moment.
func (l *Load) Close() {
	l.mu.Lock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	l.mu.Unlock()
	l.running.Wait()
}
