package session

import (
	"time"

	"shelfkeeper/daemon/session/machine"
)

const (
	// closeGrace is how long Close lets an attempt finish.
	closeGrace = 5 * time.Second
	// answerGrace is the same while a request is under way that may have spent the
	// refresh token already.
	answerGrace = 10 * time.Second
	// unwrittenGrace is the same while a pair is not durable yet, from the moment on
	// at which it came: losing it costs the session, and a slow disk needs several
	// seconds for each write.
	unwrittenGrace = 20 * time.Second
)

// awaitAttempt waits until the attempt under way is over, for as long as what it has
// reached is worth.
func (s *Session) awaitAttempt() {
	began := time.Now()
	written := began
	for {
		s.mu.Lock()
		st, changed := s.state, s.changed
		s.mu.Unlock()
		if !st.Busy() && !st.Slot.Settling {
			return
		}
		if st.Received.Record == nil {
			written = time.Now() // nothing is at stake yet
		}
		timer := time.NewTimer(time.Until(closesAt(st, began, written)))
		select {
		case <-changed:
			timer.Stop()
		case <-timer.C:
			return
		}
	}
}

// closesAt returns until when an attempt is waited for that was under way at began;
// nothing waited for its write at written.
func closesAt(st machine.State, began, written time.Time) time.Time {
	switch {
	case st.Received.Record != nil:
		return written.Add(unwrittenGrace)
	case st.Step == machine.Refreshing, st.Step == machine.SigningIn, st.Step == machine.Changing:
		return began.Add(answerGrace)
	}
	return began.Add(closeGrace)
}
