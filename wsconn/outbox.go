package wsconn

import (
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxQueuedFrames and maxQueuedBytes bound the frames that wait for one player:
	// more than any burst of the server, and bounded, since a player may have
	// stopped reading. The largest of them does not count: a user with much progress
	// is an event of many megabytes, and small ones follow it at once.
	maxQueuedFrames = 512
	maxQueuedBytes  = 4 << 20
	// maxTotalBytes bounds the frames that wait for all players of a SessionServer.
	maxTotalBytes = 64 << 20
	// stuckAfter is how long a player may read nothing before it has to make room
	// for frames of others. roomWait is how long such a frame waits when no player
	// is stuck. A player that reads takes the largest frame in far less.
	stuckAfter = time.Second
	roomWait   = 2 * time.Second
	// pollBytes is how much one answer to a poll carries, or one larger frame.
	pollBytes = 1 << 20
)

// Send queues a text frame for the player. A player that does not read is closed,
// and its frames are dropped. When too many bytes wait for all players together, a
// player that is stuck is closed, or after roomWait the one with the most bytes.
func (e *PlayerConn) Send(frame []byte) {
	if e.slow(len(frame)) {
		e.Close(websocket.CloseTryAgainLater, errSlow)
		return
	}
	if e.server.makeRoom(e, len(frame)) {
		e.append(frame)
	}
}

// slow reports whether so many frames wait that one more of n bytes is too much. The one
// that is being written does not count.
func (e *PlayerConn) slow(n int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	total, largest := n, n
	for _, frame := range e.queued {
		total += len(frame)
		largest = max(largest, len(frame))
	}
	return len(e.queued) >= maxQueuedFrames || total-largest > maxQueuedBytes
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
	if e.heldBytes == 0 {
		e.progress = time.Now()
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

// moved records that the player has taken a piece of a frame.
func (e *PlayerConn) moved() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.progress = time.Now()
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
	if ok || s.evict(n, stuckAfter) {
		return true
	}
	began := time.Now()
	look := time.NewTicker(stuckAfter / 4)
	defer look.Stop()
	for {
		select {
		case <-freed:
		case <-e.gone:
			return false
		case <-look.C:
			stuck := stuckAfter
			if time.Since(began) >= roomWait {
				stuck, began = 0, time.Now()
			}
			if s.evict(n, stuck) {
				return true
			}
		}
		if ok, freed = s.queued.reserve(n); ok {
			return true
		}
	}
}

// evict closes the connection with the most bytes of those that were stuck for so
// long, unless there is room for n bytes by now. It reports whether it has reserved
// them. Only one caller at a time closes one: the next caller may find room.
func (s *SessionServer) evict(n int, stuck time.Duration) bool {
	s.evicting.Lock()
	defer s.evicting.Unlock()
	if ok, _ := s.queued.reserve(n); ok {
		return true
	}
	slowest := s.slowest(stuck)
	if slowest == nil {
		return false
	}
	slowest.Close(websocket.CloseTryAgainLater, errSlow)
	ok, _ := s.queued.reserve(n)
	return ok
}

// slowest returns the connection for which the most bytes wait, of those that were
// stuck for so long; nil when there is none.
func (s *SessionServer) slowest(stuck time.Duration) (slowest *PlayerConn) {
	most := 0
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.conns {
		e.mu.Lock()
		if e.heldBytes > most && time.Since(e.progress) >= stuck {
			slowest, most = e, e.heldBytes
		}
		e.mu.Unlock()
	}
	return slowest
}
