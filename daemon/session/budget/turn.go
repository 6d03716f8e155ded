package budget

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/durable"
)

// Up to 2.35.0 two sign-ins or renewals of one user in one second get the same
// token, and the end of one session is then the end of the other. An account
// keeps its own requests apart; those of several accounts, which may be one
// user's, take turns here, also across processes. Only the time between two
// turns is kept, and nothing is lost with it.

const (
	// turnPace is how often a turn is asked for that somebody else has.
	turnPace = 50 * time.Millisecond
	// turnPatience is how long another account's answer is waited for: a server
	// that needs longer for one is better asked than left alone.
	turnPatience = 10 * time.Second
)

// turnstile gives out turns of one name to one holder at a time. try returns
// nil if another has it.
type turnstile interface {
	try(name string) (turn, error)
}

// turn is held while a request is under way; a crash gives it back. used is the
// newest moment that was marked before, zero if there was none.
type turn interface {
	used() time.Time
	mark(at time.Time)
	leave()
}

// Turn waits until an answer to a request made now cannot hold the tokens of
// another account's, and keeps others from it until leave is called with whether
// tokens may have been issued. Without a disk to keep turns on there are none:
// no session waits for that.
func (b *Budget) Turn(ctx context.Context) (leave func(issued bool), err error) {
	name, distinct := b.server()
	if distinct {
		return func(bool) {}, nil
	}
	var mine turn
	for until := time.Now().Add(turnPatience); mine == nil && time.Now().Before(until); {
		var failed error
		if mine, failed = b.all.turns.try(name); failed != nil {
			return func(bool) {}, nil
		}
		if mine == nil {
			if err := pause(ctx, turnPace); err != nil {
				return nil, err
			}
		}
	}
	if mine == nil {
		return func(bool) {}, nil
	}
	now, used := time.Now().Round(0), mine.used()
	if !used.After(now) { // later: the clock was set back
		if err := pause(ctx, used.Add(absapi.CollisionGap).Sub(now)); err != nil {
			mine.leave()
			return nil, err
		}
	}
	mine.mark(time.Now())
	return func(issued bool) {
		if issued {
			used = time.Now()
		}
		mine.mark(used)
		mine.leave()
	}, nil
}

// pause lets d go by.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// server returns one name of the server by which all its addresses go, and
// whether its release gives every session tokens of its own.
func (b *Budget) server() (name string, distinct bool) {
	book, err := b.all.load()
	if err != nil {
		return b.name, false
	}
	s := book.server(b.name)
	return slices.Min(s.Names), s.Distinct
}

// Released notes which release answered.
func (b *Budget) Released(now time.Time, version string) {
	distinct := !absapi.CollidesInSecond(version)
	if _, known := b.server(); version == "" || known == distinct {
		return
	}
	_ = b.update(now, func(s *server, _ time.Time) bool {
		s.Distinct = distinct
		return true
	})
}

// fileTurns are locks of files beside the budgets, whose times are those of
// their newest use. The system gives a lock back when its process ends.
type fileTurns struct{ path string }

func (f fileTurns) try(name string) (turn, error) {
	sum := sha256.Sum256([]byte(name))
	path := f.path + "." + hex.EncodeToString(sum[:4]) + ".turn"
	var last time.Time
	if info, err := os.Stat(path); err == nil {
		last = info.ModTime()
	}
	if err := durable.Regular(path); err != nil {
		return nil, err
	}
	lock := flock.New(path, flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil || !ok {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && !last.IsZero() {
		last = info.ModTime() // of whoever had it in between
	}
	return fileTurn{lock, path, last}, nil
}

type fileTurn struct {
	lock *flock.Flock
	path string
	last time.Time
}

func (t fileTurn) used() time.Time   { return t.last }
func (t fileTurn) mark(at time.Time) { _ = os.Chtimes(t.path, at, at) } // else, or for none, the one before stays
func (t fileTurn) leave()            { _ = t.lock.Unlock() }            // closing the file gives it back in any case

// memoryTurns are those of one process.
type memoryTurns struct {
	mu    sync.Mutex
	taken map[string]bool
	last  map[string]time.Time
}

func (m *memoryTurns) try(name string) (turn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taken[name] {
		return nil, nil
	}
	if m.taken == nil {
		m.taken, m.last = map[string]bool{}, map[string]time.Time{}
	}
	m.taken[name] = true
	return memoryTurn{m, name, m.last[name]}, nil
}

type memoryTurn struct {
	all  *memoryTurns
	name string
	last time.Time
}

func (t memoryTurn) used() time.Time { return t.last }

func (t memoryTurn) mark(at time.Time) {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	t.all.last[t.name] = at.Round(0)
}

func (t memoryTurn) leave() {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	t.all.taken[t.name] = false
}
