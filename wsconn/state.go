package wsconn

import (
	"errors"
	"time"

	"shelfkeeper/daemon/redact"
)

// maxLogged bounds how many logged reasons are remembered.
const maxLogged = 16

// setStateLocked changes the state. mu is held.
func (s *Socket) setStateLocked(state State) {
	if s.snap.State == state {
		return
	}
	s.snap.State, s.snap.Since = state, time.Now()
	s.announce()
}

// announce wakes everyone who waits for a change. mu is held.
func (s *Socket) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Socket) setState(state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setStateLocked(state)
}

// markUp records that conn is authenticated.
func (s *Socket) markUp(conn *Conn) {
	s.suspected = false
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	if s.authenticated > 0 {
		s.snap.Reconnects++
	}
	s.authenticated++
	s.snap.Cause = NoCause
	s.setStateLocked(Authenticated)
	s.snap.Period = s.cutPeriod.period()
	clear(s.logged)
	s.cfg.Log.Info("live socket is up", "state", string(Authenticated), "reconnects", s.snap.Reconnects)
}

// markDown records why an attempt ended. Each reason is logged once after a
// sign-in, not at each attempt.
func (s *Socket) markDown(end error) {
	state, cause := Waiting, CauseTemporary
	switch {
	case errors.Is(end, errKicked):
		s.setState(Waiting)
		return
	case errors.As(end, new(expectedCut)):
		s.setState(Waiting)
		s.cfg.Log.Debug("the live socket was cut as usual", "reason", reasonOf(end))
		return
	case errors.Is(end, errAPIKey):
		state, cause = Off, CauseAPIKey
	case errors.As(end, new(noToken)):
		cause = CauseNoToken
	case errors.As(end, new(*Refused)):
		cause = CauseRefused
	}
	reason := redact.Text(reasonOf(end))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snap.Cause != cause || s.snap.Reason != reason {
		s.snap.Cause, s.snap.Reason = cause, reason
		if s.snap.State == state {
			s.announce()
		}
	}
	s.setStateLocked(state)
	if !s.logged[reason] && len(s.logged) < maxLogged {
		s.logged[reason] = true
		s.cfg.Log.Info("live socket is down", "state", string(state), "cause", string(cause), "reason", reason)
	}
}

// reasonOf returns the text about end that a user should read.
func reasonOf(end error) string {
	var w *TemporaryError
	switch {
	case errors.Is(end, errAPIKey):
		return NoSocket
	case errors.As(end, &w):
		return w.Evidence
	}
	return end.Error()
}
