package absfake

import "time"

// ownedTimer runs a function once, later, with Server.mu held. Server.Close
// waits for it. Guarded by Server.mu.
type ownedTimer struct {
	s     *Server
	timer *time.Timer
	over  bool
}

// afterLocked arms a timer; a server that has closed arms none.
func (s *Server) afterLocked(d time.Duration, f func()) *ownedTimer {
	t := &ownedTimer{s: s, over: s.closed}
	if t.over {
		return t
	}
	s.open.Add(1)
	t.timer = time.AfterFunc(d, func() {
		defer s.open.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		if !t.over {
			t.over = true
			f()
		}
	})
	return t
}

// stop keeps the function from running, unless it has begun.
func (t *ownedTimer) stop() {
	if t == nil || t.over {
		return
	}
	t.over = true
	if t.timer.Stop() {
		t.s.open.Done()
	}
}
