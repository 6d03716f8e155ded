package budget

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/durable"
)

// budgetLock bounds the wait for another process's read and write of a small
// file. A slow disk needs several seconds for each of its two syncs.
const budgetLock = 30 * time.Second

// Budgets are the budgets of every server, in one file, so that addresses
// which turn out to be one server can share. They are safe for concurrent use,
// also by several processes.
type Budgets struct {
	store store
	clock clock
	turns turnstile
}

// Budget is what may be asked of one server. It is safe for concurrent use.
type Budget struct {
	all        *Budgets
	name       string
	background bool
	returning  bool
}

// Background is the same budget for requests that no user waits for: a few of
// each window are left to him.
func (b *Budget) Background() *Budget {
	own := *b
	own.background = true
	return &own
}

// Returning is the same budget for a request on a connection that is not dialled yet:
// one that surely has not left this machine is given back. Elsewhere such a request
// stays counted, which slows down what goes wrong again and again.
func (b *Budget) Returning() *Budget {
	own := *b
	own.returning = true
	return &own
}

// wait returns how long the next request to s has to wait.
func (b *Budget) wait(s *server, now time.Time) time.Duration {
	share := s.share()
	if b.background {
		share -= s.reserved()
	}
	return s.spending.wait(now, share)
}

// store is where budgets lie. change may be given nil, for a shelf that was
// never written, and returns nil for what need not be written.
type store interface {
	read() ([]byte, error)
	update(change func([]byte) ([]byte, error)) error
}

// Open returns the budgets kept in the file at path; with an empty path
// they live and die with the process.
func Open(path string) *Budgets {
	if path == "" {
		return &Budgets{store: &memoryStore{}, clock: noClock, turns: &memoryTurns{}}
	}
	b := &Budgets{store: fileStore{path}, clock: bootClock, turns: fileTurns{path}}
	b.begin(time.Now())
	return b
}

// begin notes how the clocks stand: a machine without a clock of its own starts
// in the past, and network time corrects that minutes later. What cannot be
// written is written with the first request.
func (b *Budgets) begin(now time.Time) {
	seen := b.reading(now)
	_ = b.change(func(book *book) bool {
		_, set := book.correct(seen)
		return set && len(book.Servers) > 0
	})
}

// load reads what is kept. The errors are ErrNewer and the file system's.
func (b *Budgets) load() (*book, error) {
	data, err := b.store.read()
	if err != nil {
		return nil, err
	}
	return decodeBook(data)
}

// change lets f change what is kept, and writes it down when f returns true. The
// errors are those of load; nothing has changed then.
func (b *Budgets) change(f func(*book) bool) error {
	return b.store.update(func(data []byte) ([]byte, error) {
		book, err := decodeBook(data)
		if err != nil || !f(book) {
			return nil, err
		}
		return encodeBook(book)
	})
}

// Of returns the budget of the server at base.
func (b *Budgets) Of(base *url.URL) *Budget { return &Budget{b, serverName(base), false, false} }

// New returns the budget of one server alone: see Open.
func New(path string) *Budget { return &Budget{Open(path), "", false, false} }

// Wait returns how long the next request has to wait; it counts nothing. What
// cannot be read counts as nothing spent here: Take will say so.
func (b *Budget) Wait(now time.Time) time.Duration {
	seen := b.all.reading(now)
	book, err := b.all.load()
	if err != nil {
		return 0
	}
	now, _ = book.correct(seen)
	return b.wait(book.server(b.name), now)
}

// Unlimited reports whether the server is known to have no limiter. What cannot
// be read counts as limited.
func (b *Budget) Unlimited() bool {
	book, err := b.all.load()
	return err == nil && book.server(b.name).Off
}

// RoomIn returns how long it takes until n further requests fit into the budget,
// if nobody makes another one meanwhile. What cannot be read has no room for long.
func (b *Budget) RoomIn(now time.Time, n int) time.Duration {
	seen := b.all.reading(now)
	book, err := b.all.load()
	if err != nil {
		return defaultWindow
	}
	now, _ = book.correct(seen)
	s := book.server(b.name)
	if n > s.share() && !s.Off {
		return s.span() // not then either
	}
	// The last of them must fit beside the others: so many fewer may count by then.
	return max(b.wait(s, now), s.spending.wait(now, max(1, s.share()-n+1)))
}

// Room reports whether n further requests fit into the budget at now.
func (b *Budget) Room(now time.Time, n int) bool { return b.RoomIn(now, n) == 0 }

// Take counts a request that is about to be made, or returns how long it has
// to wait. It is counted before it is sent, and durably: a crash must not
// bring the allowance back.
func (b *Budget) Take(now time.Time) (wait time.Duration, err error) {
	_, wait, err = b.take(now)
	return wait, err
}

// take is Take, and returns as when the request was counted.
func (b *Budget) take(now time.Time) (at time.Time, wait time.Duration, err error) {
	err = b.update(now, func(s *server, now time.Time) bool {
		if wait = b.wait(s, now); wait == 0 {
			at, s.spending = now, s.take(now)
		}
		return wait == 0
	})
	return at, wait, err
}

// giveBack takes back what take has counted at that moment: the request has surely
// not left this machine. What cannot be stored stays counted.
func (b *Budget) giveBack(now, at time.Time) {
	_ = b.update(now, func(s *server, _ time.Time) bool {
		own := -1
		for i, t := range s.Spent { // corrections of the clock have moved it a little
			if off := t.Sub(at).Abs(); off < clockSlack && (own < 0 || off < s.Spent[own].Sub(at).Abs()) {
				own = i
			}
		}
		if own >= 0 {
			s.Spent = slices.Delete(slices.Clone(s.Spent), own, own+1)
		}
		return own >= 0
	})
}

// Learn notes what an answer says of the server's limiter. What cannot be
// stored is learned again from the next answer.
func (b *Budget) Learn(now time.Time, meta absapi.Meta, authentic bool) {
	_ = b.update(now, func(s *server, now time.Time) bool {
		before := s.spending
		s.spending = s.learn(now, meta, authentic)
		return s.note(b.name, meta.Cookie, now) || s.Limit != before.Limit ||
			s.Window != before.Window || s.Off != before.Off || !s.Blocked.Equal(before.Blocked)
	})
}

// Seen is what the server's answers to sign-ins and renewals have shown.
type Seen struct {
	Limit  int // requests in a window; 0 is not known
	Window time.Duration
	Off    bool // the server has no limiter
	// Cookie is how the server marks the cookies of renewals by this address, since
	// CookieAt.
	Cookie   absapi.CookieMark
	CookieAt time.Time
	// Spent are the requests of this machine that were counted here, oldest first.
	Spent []time.Time
}

// Seen returns what is known of the server. What cannot be read is not known.
func (b *Budget) Seen() Seen {
	book, err := b.all.load()
	if err != nil {
		return Seen{}
	}
	s := book.server(b.name)
	c := s.Cookies[b.name]
	return Seen{Limit: s.Limit, Window: s.Window, Off: s.Off, Cookie: c.Mark, CookieAt: c.Since, Spent: s.Spent}
}

// Block notes a pause that a refusal asked for without telling of a limiter.
func (b *Budget) Block(now time.Time, pause time.Duration) {
	_ = b.update(now, func(s *server, now time.Time) bool {
		s.spending = s.block(now, pause)
		return true
	})
}

// Recognise notes ids that only this server can have given: addresses that
// gave the same one share a budget from then on.
func (b *Budget) Recognise(now time.Time, ids ...string) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !telling(id) })
	known, err := b.all.load()
	if len(ids) == 0 || err == nil && known.knows(b.name, ids) {
		return
	}
	seen := b.all.reading(now)
	_ = b.all.change(func(book *book) bool {
		book.correct(seen)
		book.recognise(b.name, ids)
		return true
	})
}

// Same notes that two addresses lead to one server, for what is known before
// either of them has answered.
func (b *Budgets) Same(now time.Time, one, other *url.URL) {
	name, also := serverName(one), serverName(other)
	known, err := b.load()
	if err == nil && slices.Contains(known.server(name).Names, also) {
		return
	}
	seen := b.reading(now)
	_ = b.change(func(book *book) bool { // what cannot be written is noted again
		book.correct(seen)
		book.same(name, also)
		return true
	})
}

// update changes this server's part. When change returns false and the clock
// was not set meanwhile, nothing is written.
func (b *Budget) update(now time.Time, change func(s *server, now time.Time) bool) error {
	seen := b.all.reading(now)
	return b.all.change(func(book *book) bool {
		now, set := book.correct(seen)
		if changed := change(book.server(b.name), now); !changed && !set {
			return false
		}
		book.prune(now)
		return true
	})
}

// reading is taken before anything is waited for.
func (b *Budgets) reading(now time.Time) reading {
	up, boot := b.clock()
	return reading{Wall: now.Round(0), Up: up, Boot: boot}
}

// memoryStore dies with the process.
type memoryStore struct {
	mu   sync.Mutex
	data []byte
}

func (m *memoryStore) read() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data, nil
}

func (m *memoryStore) update(change func([]byte) ([]byte, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, err := change(m.data)
	if err == nil && data != nil {
		m.data = data
	}
	return err
}

// fileStore is a file that several processes share.
type fileStore struct{ path string }

func (f fileStore) read() ([]byte, error) {
	data, err := durable.Read(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func (f fileStore) update(change func([]byte) ([]byte, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), budgetLock)
	defer cancel()
	if err := durable.Regular(f.path + ".lock"); err != nil {
		return fmt.Errorf("lock the request budget: %w", err)
	}
	lock := flock.New(f.path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 25*time.Millisecond); err != nil {
		return fmt.Errorf("lock the request budget: %w", err)
	}
	defer func() { _ = lock.Unlock() }() // closing the file gives the lock back in any case
	data, err := f.read()
	if err != nil {
		return fmt.Errorf("read the request budget: %w", err)
	}
	data, err = change(data)
	if errors.Is(err, ErrNewer) {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if err != nil || data == nil {
		return err
	}
	return durable.WriteFile(f.path, data, 0o600)
}
