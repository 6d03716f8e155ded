package wsconn

import (
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxQueuedFrames and maxQueuedBytes bound the frames that wait for one player:
	// more than any burst of the server, and bounded, since a player may have
	// stopped reading. A single larger frame may wait alone.
	maxQueuedFrames = 512
	maxQueuedBytes  = 4 << 20
	// maxTotalBytes bounds the frames that wait for all players of a SessionServer.
	maxTotalBytes = 64 << 20
	// roomWait is how long a frame waits for room among those of all players. A
	// player that reads takes the largest frame in far less.
	roomWait = 2 * time.Second
	// pollBytes is how much one answer to a poll carries, or one larger frame.
	pollBytes = 1 << 20
)

// Send queues a text frame for the player. A player that does not read is closed,
// and its frames are dropped. When too many bytes wait for all players together,
// Send waits for at most roomWait; then the player with the most bytes is closed.
func (e *PlayerConn) Send(frame []byte) {
	e.mu.Lock()
	slow := e.heldBytes > 0 && (len(e.queued) >= maxQueuedFrames || e.heldBytes+len(frame) > maxQueuedBytes)
	e.mu.Unlock()
	if slow {
		e.Close(websocket.CloseTryAgainLater, errSlow)
		return
	}
	if e.server.makeRoom(e, len(frame)) {
		e.append(frame)
	}
}

// push queues a small frame of our own at once.
func (e *PlayerConn) push(frame []byte) {
	e.server.queued.add(len(frame))
	e.append(frame)
}

// append queues a frame for which there is room.
func (e *PlayerConn) append(frame []byte) {
	e.mu.Lock()
	if e.why != nil {
		e.mu.Unlock()
		e.server.queued.release(len(frame))
		return
	}
	e.queued = append(e.queued, frame)
	e.heldBytes += len(frame)
	e.mu.Unlock()
	signal(e.wake)
}

// next removes the oldest frame from the queue. Its bytes are held until sent.
func (e *PlayerConn) next() ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queued) == 0 {
		e.queued = nil // release the array
		return nil, false
	}
	frame := e.queued[0]
	e.queued[0] = nil
	e.queued = e.queued[1:]
	return frame, true
}

// nextFits reports whether the oldest frame has at most n bytes.
func (e *PlayerConn) nextFits(n int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.queued) > 0 && len(e.queued[0]) <= n
}

// sent releases the bytes of frames that have left, or were dropped.
func (e *PlayerConn) sent(n int) {
	e.mu.Lock()
	e.heldBytes -= n
	e.mu.Unlock()
	e.server.queued.release(n)
}

// makeRoom reserves n bytes for a frame to e. It reports false when e was closed.
func (s *SessionServer) makeRoom(e *PlayerConn, n int) bool {
	ok, freed := s.queued.reserve(n)
	if ok {
		return true
	}
	late := time.NewTimer(roomWait)
	defer late.Stop()
	for {
		select {
		case <-freed:
		case <-e.gone:
			return false
		case <-late.C:
			if s.evict(n) {
				return true
			}
			late.Reset(roomWait)
		}
		if ok, freed = s.queued.reserve(n); ok {
			return true
		}
	}
}

// evict closes the slowest connection unless there is room for n bytes by now. It
// reports whether it has reserved them. Only one caller at a time closes one: the next
// caller may find room.
func (s *SessionServer) evict(n int) bool {
	s.evicting.Lock()
	defer s.evicting.Unlock()
	if ok, _ := s.queued.reserve(n); ok {
		return true
	}
	s.closeSlowest()
	ok, _ := s.queued.reserve(n)
	return ok
}

// closeSlowest closes the connection for which the most bytes wait.
func (s *SessionServer) closeSlowest() {
	var slowest *PlayerConn
	most := 0
	s.mu.Lock()
	for _, e := range s.conns {
		e.mu.Lock()
		if e.heldBytes > most {
			slowest, most = e, e.heldBytes
		}
		e.mu.Unlock()
	}
	s.mu.Unlock()
	if slowest != nil {
		slowest.Close(websocket.CloseTryAgainLater, errSlow)
	}
}
