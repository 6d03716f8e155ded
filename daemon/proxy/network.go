package proxy

import "time"

// activeFor is how long players count as active after one of them asked for
// something: a player that listens reports its progress every 10 to 20 s.
const activeFor = time.Minute

// Active reports whether players would notice now that the server is out of
// reach.
func (s *Server) Active() bool {
	return s.stats.active.Load() > 0 || time.Since(s.begun) < time.Duration(s.lastAsked.Load())+activeFor
}

// UnderWay reports whether something is being sent to a player now.
func (s *Server) UnderWay() bool { return s.stats.active.Load() > 0 }

// Asked reports whether a player asked for something within the last d, or is being
// sent something now, and players are served.
func (s *Server) Asked(d time.Duration) bool {
	recent := s.stats.active.Load() > 0 || time.Since(s.begun) < time.Duration(s.lastAsked.Load())+d
	return recent && s.paused() == nil
}

// stirAgain is how often at most it is told that something begins to be sent: what
// watches the way to the server then looks more closely.
const stirAgain = 2 * time.Second

// begins records that something begins to be sent to a player, after nothing was.
func (s *Server) begins() {
	now, last := int64(time.Since(s.begun)), s.stirred.Load()
	if now-last >= int64(stirAgain) && s.stirred.CompareAndSwap(last, now) {
		s.stir()
	}
}

func (s *Server) stir() {
	s.sockets.Stir()
	if s.cfg.BecameActive != nil {
		s.cfg.BecameActive()
	}
}

// playerAsked records that a player asked for something, and tells it when players
// were not active before.
func (s *Server) playerAsked() {
	was := s.Active()
	s.lastAsked.Store(int64(time.Since(s.begun)))
	if !was {
		s.stir()
	}
}

// Wake says that the way to the server may have changed: what waits for
// another try is tried at once, and what has been sent must show a sign of
// life soon. It returns at once and may be called at any time.
func (s *Server) Wake(reason string) {
	s.log.Debug("woken", "reason", reason)
	s.broadcast.Wake()
}

// NetworkChanged says that the network has changed or time has jumped: every
// player's socket at the server is asked whether it lives, and those that wait
// try again now. It returns at once.
func (s *Server) NetworkChanged(reason string) { s.sockets.NetworkChanged(reason) }
