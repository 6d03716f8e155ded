package session

import (
	"context"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/session/machine"
)

// provePauses lie before the pings that find out whether the server answers in a
// network that is new. After the last of them the next attempt finds out.
var provePauses = []time.Duration{0, 2 * time.Second, 5 * time.Second, 15 * time.Second, 45 * time.Second}

// proveIfWanted begins to ping if the machine wants to know about this network and
// nobody is at it. The session's mutex must be held.
func (s *Session) proveIfWanted() {
	if s.proving || !s.state.WantsProof() || s.state.DisturbedAt.Equal(s.provedAfter) {
		return
	}
	s.proving = true
	s.spawn(s.prove)
}

// prove pings on connections of its own until the server has answered.
func (s *Session) prove(ctx context.Context) {
	for try, since := 0, (time.Time{}); ; try++ {
		s.mu.Lock()
		if disturbed := s.state.DisturbedAt; !disturbed.Equal(since) {
			try, since = 0, disturbed // another network by now
		}
		if try == len(provePauses) || !s.state.WantsProof() || s.stopped {
			s.proving, s.provedAfter = false, since
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		timer := time.NewTimer(provePauses[try])
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		if sent := s.Now(); s.answersPing(ctx) {
			s.handle(machine.Proven{Sent: sent})
		}
	}
}

func (s *Session) answersPing(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, machine.PingPatience)
	defer cancel()
	conn := s.Connect()
	defer conn.Close()
	_, err := absapi.New(conn, s.Base).Ping(ctx)
	return err == nil
}
