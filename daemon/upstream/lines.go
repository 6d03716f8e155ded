package upstream

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lookAfter is how long a line rests before its end is watched for: whoever asks one
// thing after the other takes it back before that, and pays nothing for the watch.
const lookAfter = time.Second

// lines are the lines to one address that rest.
type lines struct {
	life atomic.Int64 // how long one may rest, in ns

	mu      sync.Mutex
	idle    []*line // the one that was used last is the last
	waiting []*wanting
	timer   *time.Timer // nil before it was set
	set     bool        // it runs
	closed  bool
	running sync.WaitGroup // dials, watches and looks
}

// wanting is somebody who waits for a line: for the one that is opened for it, or for
// any that is free before.
type wanting struct {
	got    chan *line // holds one
	failed chan error // holds one
}

// take returns a line that rests, or else the first that is opened or free.
func (s *lines) take(ctx context.Context, open func(context.Context) (*line, error)) (*line, error) {
	if l := s.takeIdle(); l != nil {
		return l, nil
	}
	w := &wanting{got: make(chan *line, 1), failed: make(chan error, 1)}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	s.waiting = append(s.waiting, w)
	// The dial goes on when somebody else's line is free before, and when nobody waits any
	// more, as with net/http: the connection serves the next request.
	s.running.Go(func() {
		l, err := open(context.WithoutCancel(ctx))
		switch {
		case err != nil:
			w.failed <- err
		case s.withdraw(w):
			w.got <- l
		default:
			s.put(l)
		}
	})
	s.mu.Unlock()
	select {
	case l := <-w.got:
		return l, nil
	case err := <-w.failed:
		return s.leave(w, err)
	case <-ctx.Done():
		return s.leave(w, context.Cause(ctx))
	}
}

// leave ends a wait with err, unless a line has come meanwhile.
func (s *lines) leave(w *wanting, err error) (*line, error) {
	if s.withdraw(w) {
		return nil, err
	}
	return <-w.got, nil
}

// withdraw takes w out of those that wait. It reports false where a line was given to it.
func (s *lines) withdraw(w *wanting) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waiting, w)
	if i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
	return i >= 0
}

// takeIdle returns a line that rests and lives as far as is known, or nil.
func (s *lines) takeIdle() *line {
	for {
		s.mu.Lock()
		n := len(s.idle) - 1
		if n < 0 {
			s.mu.Unlock()
			return nil
		}
		l := s.idle[n]
		s.idle[n] = nil
		s.idle = s.idle[:n]
		s.mu.Unlock()
		if time.Since(l.rested) < time.Duration(s.life.Load()) && l.unwatch() && l.silent() {
			return l
		}
		l.close()
	}
}

// put gives a line to whoever waits for one, or lets it rest.
func (s *lines) put(l *line) {
	s.mu.Lock()
	if len(s.waiting) > 0 {
		w := s.waiting[0]
		s.waiting = s.waiting[1:]
		w.got <- l
		s.mu.Unlock()
		return
	}
	if s.closed || len(s.idle) >= idlePerHost {
		s.mu.Unlock()
		l.close()
		return
	}
	l.fresh = false
	l.rested = time.Now()
	s.idle = append(s.idle, l)
	if !s.set {
		s.setLocked(min(lookAfter, time.Duration(s.life.Load())))
	}
	s.mu.Unlock()
}

func (s *lines) setLocked(d time.Duration) {
	s.set = true
	if s.timer == nil {
		s.timer = time.AfterFunc(d, s.look)
		return
	}
	s.timer.Reset(d)
}

// look closes the lines that have rested for too long, and has the others watched that
// nobody has taken for a while. It comes again only while some rest.
func (s *lines) look() {
	var old []*line
	life := time.Duration(s.life.Load())
	s.mu.Lock()
	s.set = false
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.running.Add(1)
	defer s.running.Done()
	kept := s.idle[:0]
	next := life
	for _, l := range s.idle {
		rested := time.Since(l.rested)
		if rested >= life {
			old = append(old, l)
			continue
		}
		kept = append(kept, l)
		if canWatchReady && l.watched == nil && rested >= lookAfter {
			s.watchLocked(l)
		}
		if canWatchReady && l.watched == nil {
			next = min(next, lookAfter-rested)
		}
		next = min(next, life-rested)
	}
	clear(s.idle[len(kept):])
	s.idle = kept
	if len(kept) > 0 {
		s.setLocked(next)
	}
	s.mu.Unlock()
	for _, l := range old {
		l.unwatch()
		l.close()
	}
}

// watchLocked closes a line when the other side does.
func (s *lines) watchLocked(l *line) {
	ended := make(chan struct{})
	l.watched = ended
	s.running.Go(func() {
		defer close(ended)
		if !waitClosed(l.below) || !s.remove(l) {
			return
		}
		if l.below.rested != nil && !l.below.closed.Load() {
			l.below.rested(l.below.rest.ended())
		}
		l.close()
	})
}

// remove takes a line out of those that rest, and reports whether it was there.
func (s *lines) remove(l *line) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.idle, l)
	if i >= 0 {
		s.idle = slices.Delete(s.idle, i, i+1)
	}
	return i >= 0
}

// unwatch ends the watch of a line, and reports whether it is open as far as is known.
func (l *line) unwatch() bool {
	if l.watched == nil {
		return true
	}
	_ = l.below.SetReadDeadline(time.Unix(1, 0))
	<-l.watched
	l.watched = nil
	return l.below.SetReadDeadline(time.Time{}) == nil && established(l.below)
}

// live sets how long a line may rest.
func (s *lines) live(life time.Duration) {
	before := s.life.Swap(int64(life))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set && int64(life) < before {
		s.setLocked(0)
	}
}

// drop closes all that rest.
func (s *lines) drop() {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, l := range idle {
		l.unwatch()
		l.close()
	}
}

// close drops all, keeps none from now on, and waits for what runs.
func (s *lines) close() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.drop()
	s.running.Wait()
}
