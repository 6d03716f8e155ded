package absfake

import (
	"slices"
	"sync"
	"time"
)

// SocketEnd says how DropSockets ends connections.
type SocketEnd int

// The ways to end a socket.
const (
	// EndClean closes as the server itself does: a close frame without a status.
	EndClean SocketEnd = iota
	// EndCut closes the connection without a close frame.
	EndCut
	// EndReset resets the connection.
	EndReset
)

// DropSockets ends every socket that is open and returns how many there were.
// The server stays; clients may come back at once.
func (s *Server) DropSockets(how SocketEnd) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := slices.Clone(s.sockets.sessions)
	for _, x := range open {
		if how == EndClean {
			x.closeLocked(true)
			continue
		}
		if t, ok := x.transport.(*wsTransport); ok {
			if how == EndReset {
				t.wire.reset()
			} else {
				t.wire.cut()
			}
		}
		x.closedLocked(reasonTransportError)
	}
	return len(open)
}

// StallSockets holds up every frame in both directions, on sockets open now and
// on those opened later, until release is called; nothing is lost. Polling goes
// on. Stalls do not add up: a second call returns the same release.
func (s *Server) StallSockets() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sockets.stalled == nil {
		s.sockets.stalled = make(chan struct{})
	}
	stalled := s.sockets.stalled
	var once sync.Once
	return func() {
		once.Do(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.sockets.stalled == stalled {
				s.sockets.stalled = nil
				close(stalled)
			}
		})
	}
}

// RestartCleanly ends the process as an interrupt does and starts it again:
// sockets get a close frame, without a goodbye of Socket.IO before it. What else
// Restart loses is lost too. It returns once the process has started again.
func (s *Server) RestartCleanly() {
	s.mu.Lock()
	for _, c := range slices.Clone(s.sockets.clients) {
		c.x.leaveLocked(true)
	}
	for _, x := range slices.Clone(s.sockets.sessions) {
		x.closeLocked(true)
	}
	var leaving []*wsTransport
	for t := range s.sockets.wires {
		leaving = append(leaving, t)
	}
	s.mu.Unlock()
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	for _, t := range leaving {
		select {
		case <-t.written:
			continue
		case <-patience.C:
		}
		break
	}
	s.Restart()
}

// stopPatience is how long a graceful stop waits for its close frames to leave.
const stopPatience = time.Second
