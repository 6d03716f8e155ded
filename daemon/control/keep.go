package control

import (
	"errors"
	"net"
	"sync"
	"time"
)

// keepPause lies between two attempts to make a socket whose file keeps going.
const keepPause = 100 * time.Millisecond

// retryPause lies between two attempts to make a socket that cannot be made.
const retryPause = 10 * time.Second

// keeper makes the socket's file again when it is gone, as when the end of a login
// clears the runtime directory.
type keeper struct {
	paths  []string // the usual one first
	moved  func(path string)
	look   chan struct{} // somebody wants the file looked at
	ended  chan struct{}
	end    func()
	worker sync.WaitGroup
}

// Keep makes the socket again, until Close, when its file is gone: at its own path,
// or at fallback where that cannot be. moved is told where it lies then. A system
// that does not report what happens to files is asked at each Look.
func (s *Server) Keep(fallback string, moved func(path string)) {
	k := &keeper{paths: []string{s.file.path, fallback}, moved: moved, look: make(chan struct{}, 1), ended: make(chan struct{})}
	k.end = sync.OnceFunc(func() { close(k.ended) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.keep != nil {
		return
	}
	s.keep = k
	k.worker.Go(func() { s.keepFile(k) })
}

// Look has Keep look at the socket's file soon.
func (s *Server) Look() {
	s.mu.Lock()
	k := s.keep
	s.mu.Unlock()
	if k == nil {
		return
	}
	select {
	case k.look <- struct{}{}:
	default: // it will look
	}
}

func (s *Server) keepFile(k *keeper) {
	for {
		s.mu.Lock()
		path := s.file.path
		s.mu.Unlock()
		gone, stop := watchFile(path) // before the look, so that nothing is missed
		made, there := s.again(k)
		if made {
			stop()
			continue // the new file is watched
		}
		look, retry := k.look, (<-chan time.Time)(nil)
		if gone != nil && path == k.paths[0] {
			look = nil // the system tells
		}
		if !there {
			retry = time.After(retryPause)
		}
		select {
		case <-gone:
		case <-look:
		case <-retry:
		case <-k.ended:
			stop()
			return
		}
		stop()
		select { // whoever removes files again and again costs little
		case <-time.After(keepPause):
		case <-k.ended:
			return
		}
	}
}

// again makes the socket anew if its file is gone, and at its usual path if that
// can be again. It reports whether it did, and whether the file is there.
func (s *Server) again(k *keeper) (made, there bool) {
	s.mu.Lock()
	now, old := s.file, s.listener
	s.mu.Unlock()
	there = now.there()
	for _, path := range k.paths {
		if there && path == now.path {
			return false, true
		}
		l, file, err := bind(path)
		if err != nil {
			if !there {
				s.log.Warn("the control socket is gone and cannot be made again", "path", path, "reason", err)
			}
			continue
		}
		s.mu.Lock()
		closed := s.closed
		if !closed {
			s.listener, s.file = l, file
		}
		s.mu.Unlock()
		if closed {
			_ = errors.Join(file.remove(), l.Close())
			return false, true
		}
		_ = old.Close() // Serve goes on with the new one
		if there {
			_ = now.remove()
		}
		s.log.Info("the control socket is made again", "path", path)
		k.moved(path)
		return true, true
	}
	return false, there
}

// current is the listener that Serve uses.
func (s *Server) current() net.Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener
}
