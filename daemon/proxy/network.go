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

// stir notes that a player asks for something, and tells it on when players
// were not active.
func (s *Server) stir() {
	was := s.Active()
	s.lastAsked.Store(int64(time.Since(s.begun)))
	if !was {
		s.stirSockets()
		if s.cfg.Stirred != nil {
			s.cfg.Stirred()
		}
	}
}
