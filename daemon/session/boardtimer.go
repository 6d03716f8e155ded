package session

import "time"

// boardTimer is the one timer that brings the board up to date when time alone
// changes what is to be said: a token ends while nobody asks for it and the
// next attempt is an hour away. It starts nothing and sends nothing.
type boardTimer struct {
	timer *time.Timer
}

// set makes the timer fire at the moment at; zero for never. The session's
// mutex is held.
func (l *boardTimer) set(s *Session, at time.Time) {
	l.end(s)
	if at.IsZero() || s.stopped {
		return
	}
	s.running.Add(1)
	var own *time.Timer
	own = time.AfterFunc(s.until(at), func() {
		defer s.running.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		if l.timer != own || s.stopped {
			return
		}
		l.timer = nil
		s.report(s.state)
	})
	l.timer = own
}

// end stops the timer.
func (l *boardTimer) end(s *Session) {
	if l.timer != nil && l.timer.Stop() {
		s.running.Done()
	}
	l.timer = nil
}
