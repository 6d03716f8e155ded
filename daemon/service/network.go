package service

import (
	"shelfkeeper/daemon/netmon"
)

// Network tells the account of a change of the network or a jump of time, and
// returns at once. Nothing that works is dropped: a part that has a connection
// checks it, a part that waits tries now. Only a connection from an address
// that the machine has lost, while packets leave by another one, is given up
// without a check.
func (s *Service) Network(e netmon.Event) {
	why := e.String()
	select {
	case s.pauseChanged <- struct{}{}: // a sleep may have outlasted the pause
	default:
	}
	s.extraChanged()
	s.addresses.network(why)
	s.up.CloseIdle()
	if e.Online {
		if n := s.up.CloseFrom(e.Gone); n > 0 {
			s.log.Info("connections of a lost address are given up", "count", n, "reason", why)
		}
	}
	s.socket.Check(why)
	s.proxy.NetworkChanged(why)
	if e.Online {
		s.session.Wake(why)
		s.proxy.Wake(why)
		s.watchdog.wake()
	}
}
