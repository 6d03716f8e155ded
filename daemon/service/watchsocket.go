package service

import (
	"fmt"
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/wsconn"
)

// raiseReadTimeout is the remedy for a gateway that cuts connections which rest.
const raiseReadTimeout = "raise the gateway's time limit for a connection that rests (nginx: proxy_read_timeout 1h, " +
	"Caddy: stream_timeout, HAProxy: timeout tunnel 1h, Apache: ProxyTimeout 3600)"

// watchSocket says what the live connection means for the account. Its loss
// may be the first sign that the server is gone. It returns when to look again, if no
// change of the socket comes before; zero for never.
func (s *Service) watchSocket() (again time.Time) {
	snap := s.socket.Snapshot()
	if snap.Degraded() && snap.Cause == wsconn.CauseTemporary {
		s.watchdog.probe()
	}
	if detail, until := cutEachTime(snap, time.Now()); detail != "" {
		s.board.RaiseWith(&health.SocketDown, detail, raiseReadTimeout)
		return until
	}
	if !snap.Degraded() {
		s.board.Clear(&health.SocketDown)
		return time.Time{}
	}
	s.board.Raise(&health.SocketDown, snap.Reason)
	return time.Time{}
}

// cutEachTime sums up a socket that is cut again and again after the same short time, ""
// for any other. A connection that has lived well beyond it ends that, at the moment
// until.
func cutEachTime(snap wsconn.Snapshot, now time.Time) (detail string, until time.Time) {
	if snap.ShortCut == 0 {
		return "", time.Time{}
	}
	if snap.State == wsconn.Authenticated {
		if until = snap.Since.Add(2*snap.ShortCut + time.Second); !now.Before(until) {
			return "", time.Time{}
		}
	}
	return fmt.Sprintf("cut after %.0f s each time", snap.ShortCut.Seconds()), until
}
