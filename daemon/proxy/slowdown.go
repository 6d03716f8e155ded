package proxy

import (
	"context"
	"sync"
	"time"
)

const (
	// freeWrong are wrong grants of foreign pages that are answered at once.
	freeWrong = 5
	// longestSlow is how late a wrong one is answered at last.
	longestSlow = 4 * time.Second
	// wrongForgotten is how long after the last wrong one all is forgotten.
	wrongForgotten = time.Minute
	// maxSlowed bounds how many wait; more are turned away at once.
	maxSlowed = 16
)

// slowdown answers wrong grants late. It delays nobody who presents a good one.
type slowdown struct {
	mu      sync.Mutex
	wrong   int
	last    time.Time
	waiting int
}

// wait counts a wrong grant and returns when it may be answered. It reports false
// when too many wait already.
func (s *slowdown) wait(ctx context.Context) bool {
	s.mu.Lock()
	if now := time.Now(); now.Sub(s.last) > wrongForgotten {
		s.wrong, s.last = 0, now
	} else {
		s.last = now
	}
	s.wrong++
	over := s.wrong - freeWrong
	if over <= 0 {
		s.mu.Unlock()
		return true
	}
	if s.waiting >= maxSlowed {
		s.mu.Unlock()
		return false
	}
	s.waiting++
	s.mu.Unlock()
	t := time.NewTimer(min(longestSlow, 125*time.Millisecond<<min(over, 6)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.waiting--
	s.mu.Unlock()
	return true
}
