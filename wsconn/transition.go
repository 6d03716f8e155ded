package wsconn

import (
	"errors"
	"time"

	"shelfkeeper/daemon/redact"
)

// maxTold bounds the reasons that are remembered as logged.
const maxTold = 16

// to changes the state; mu is held.
func (s *Socket) to(state State) {
	if s.snap.State == state {
		return
	}
	s.snap.State, s.snap.Since = state, time.Now()
	s.announce()
}

// announce wakes whoever waits for a change; mu is held.
func (s *Socket) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Socket) at(state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to(state)
}

// up notes that conn is authenticated.
func (s *Socket) up(conn *Conn) {
	s.suspected = false
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	if s.ups > 0 {
		s.snap.Reconnects++
	}
	s.ups++
	s.snap.Cause = NoCause
	s.to(Authenticated)
	s.snap.Period = s.habit.period()
	clear(s.told)
	s.cfg.Log.Info("live socket is up", "state", string(Authenticated), "reconnects", s.snap.Reconnects)
}

// down notes why an attempt ended. A log line is written when a reason shows
// for the first time since the socket was up, not for each try.
func (s *Socket) down(end error) {
	state, cause := Waiting, CauseWeather
	switch {
	case errors.Is(end, errKicked):
		s.at(Waiting)
		return
	case errors.As(end, new(habitualEnd)):
		s.at(Waiting)
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
	s.to(state)
	if !s.told[reason] && len(s.told) < maxTold {
		s.told[reason] = true
		s.cfg.Log.Info("live socket is down", "state", string(state), "cause", string(cause), "reason", reason)
	}
}

// reasonOf is what a person wants to read of end.
func reasonOf(end error) string {
	var w *Weather
	switch {
	case errors.Is(end, errAPIKey):
		return NoSocket
	case errors.As(end, &w):
		return w.Evidence
	}
	return end.Error()
}
