package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/durable"
)

const (
	// defaultLimit and defaultWindow are ABS's own limiter
	// (RATE_LIMIT_AUTH_MAX, RATE_LIMIT_AUTH_WINDOW), assumed until an answer
	// tells.
	defaultLimit  = 40
	defaultWindow = 10 * time.Minute
	// leastShare is what we take at least: less would not bring back a lost
	// session (refresh, the same again, log in) within one window.
	leastShare = 4
	// budgetLock bounds the wait for another process's read and write of a
	// small file.
	budgetLock = 5 * time.Second
)

// Budget counts the auth requests sent to one server, in all its accounts and
// by all our processes. ABS puts login, refresh and OpenID of one client
// address into one bucket; whoever empties it locks out every other program
// of the house. So we take a quarter of it at the most. It is safe for
// concurrent use.
type Budget struct {
	path string
	mu   sync.Mutex
	mem  spending
}

// spending is the pure part.
type spending struct {
	Limit   int           `json:"limit"`
	Window  time.Duration `json:"window"`
	Off     bool          `json:"off"` // the server has no limiter
	Spent   []time.Time   `json:"spent"`
	Blocked time.Time     `json:"blocked"` // the bucket is empty until then
}

// NewBudget returns the budget kept in the file at path; with an empty path
// it lives and dies with the process.
func NewBudget(path string) *Budget { return &Budget{path: path} }

// share is how many requests we may make in one window.
func (s spending) share() int {
	limit := s.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	return max(1, min(max(leastShare, limit/4), limit-1))
}

func (s spending) window() time.Duration {
	if s.Window == 0 {
		return defaultWindow
	}
	return s.Window
}

// wait returns how long the next request has to wait at now.
func (s spending) wait(now time.Time) time.Duration {
	if s.Off {
		return 0
	}
	wait := max(0, s.Blocked.Sub(now))
	if recent := s.recent(now); len(recent) >= s.share() {
		freed := recent[len(recent)-s.share()].Add(s.window())
		wait = max(wait, freed.Sub(now))
	}
	return wait
}

// recent returns the requests within the window that ends at now. One in the
// future is a clock that was set back: it counts as made now.
func (s spending) recent(now time.Time) (recent []time.Time) {
	for _, t := range s.Spent {
		if t.After(now) {
			t = now
		}
		if now.Sub(t) < s.window() {
			recent = append(recent, t)
		}
	}
	return recent
}

// learn takes what an answer says of the limiter. authentic: it came back on
// a route that the limiter guards.
func (s spending) learn(now time.Time, meta absapi.Meta, authentic bool) spending {
	switch l := meta.Limit; {
	case l.Present:
		s.Off, s.Limit = false, l.Limit
		if l.Window > 0 {
			s.Window = l.Window
		}
		s.Blocked = time.Time{}
		if l.Remaining == 0 {
			s.Blocked = now.Add(l.Reset)
		}
	case authentic && meta.Direct:
		s.Off = true
	}
	return s
}

// Wait returns how long the next request has to wait; it counts nothing. What
// cannot be read counts as nothing spent here: Take will say so.
func (b *Budget) Wait(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.read()
	if err != nil {
		return 0
	}
	return s.wait(now.Round(0))
}

// Take counts a request that is about to be made, or returns how long it has
// to wait. It is counted before it is sent, and durably: a crash must not
// bring the allowance back.
func (b *Budget) Take(now time.Time) (wait time.Duration, err error) {
	now = now.Round(0)
	err = b.update(func(s spending) (spending, bool) {
		if wait = s.wait(now); wait > 0 {
			return s, false
		}
		s.Spent = append(s.recent(now), now)
		return s, !s.Off
	})
	return wait, err
}

// Learn notes what an answer says of the server's limiter. What cannot be
// stored is learned again from the next answer.
func (b *Budget) Learn(now time.Time, meta absapi.Meta, authentic bool) {
	_ = b.update(func(s spending) (spending, bool) {
		learned := s.learn(now.Round(0), meta, authentic)
		return learned, learned.Limit != s.Limit || learned.Window != s.Window || learned.Off != s.Off || !learned.Blocked.Equal(s.Blocked)
	})
}

func (b *Budget) read() (spending, error) {
	if b.path == "" {
		return b.mem, nil
	}
	data, err := os.ReadFile(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return spending{}, nil
	}
	if err != nil {
		return spending{}, err
	}
	var s spending
	if json.Unmarshal(data, &s) != nil {
		// A damaged count is replaced by the careful assumption.
		return spending{}, nil
	}
	return s, nil
}

func (b *Budget) update(change func(spending) (spending, bool)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.path == "" {
		b.mem, _ = change(b.mem)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), budgetLock)
	defer cancel()
	lock := flock.New(b.path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 25*time.Millisecond); err != nil {
		return fmt.Errorf("lock the request budget: %w", err)
	}
	defer func() { _ = lock.Unlock() }() // closing the file gives the lock back in any case
	s, err := b.read()
	if err != nil {
		return fmt.Errorf("read the request budget: %w", err)
	}
	s, changed := change(s)
	if !changed {
		return nil
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return durable.WriteFile(b.path, data, 0o600)
}
