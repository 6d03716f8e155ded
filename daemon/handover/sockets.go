// Package handover keeps local addresses open while one daemon ends and the
// next begins. The next one runs in the same process after a change of the
// settings, or in a newer program that replaces this one.
//
// It exists so that a player that connects in between waits for the next daemon,
// and is not refused. The system keeps such connections in the queue of the
// listening socket, which stays open all the time. Server answers those that were
// accepted before. The package knows nothing of who listens.
package handover

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
)

// Sockets are the listening sockets of one process. A nil *Sockets opens sockets
// and keeps none. It is safe for concurrent use.
type Sockets struct {
	mu   sync.Mutex
	open []*net.TCPListener // those that Listen returned; some are closed by now
	kept []kept             // nobody accepts their connections now
}

// kept is a socket that waits for its next owner.
type kept struct {
	at   string
	file *os.File
}

// Listen opens addr, an address with a port, or takes the socket that was kept for
// it. Its errors are those of net.ListenConfig.
func (s *Sockets) Listen(ctx context.Context, c net.ListenConfig, network, addr string) (net.Listener, error) {
	if l := s.take(addr); l != nil {
		return l, nil
	}
	l, err := c.Listen(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	s.remember(l)
	return l, nil
}

// take returns the kept socket of addr, or nil.
func (s *Sockets) take(addr string) net.Listener {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	i := slices.IndexFunc(s.kept, func(k kept) bool { return k.at == addr })
	if i < 0 {
		s.mu.Unlock()
		return nil
	}
	file := s.kept[i].file
	s.kept = slices.Delete(s.kept, i, i+1)
	s.mu.Unlock()
	l, err := net.FileListener(file)
	_ = file.Close() // FileListener has made a copy
	if err != nil {
		return nil // it is opened anew
	}
	s.remember(l)
	return l
}

func (s *Sockets) remember(l net.Listener) {
	tcp, ok := l.(*net.TCPListener)
	if s == nil || !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(slices.DeleteFunc(s.open, isClosed), tcp) // whoever waits for a port opens one again and again
}

func isClosed(l *net.TCPListener) bool {
	raw, err := l.SyscallConn()
	return err != nil || raw.Control(func(uintptr) {}) != nil
}

// Keep holds every socket that is open now beyond its closing, until Listen takes
// it or Drop closes it. It reports how many could not be held: their addresses
// refuse connections until somebody listens again.
func (s *Sockets) Keep() (lost int) {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.open {
		file, err := l.File()
		switch {
		case errors.Is(err, net.ErrClosed):
		case err != nil:
			lost++ // as on Windows
		default:
			s.kept = append(s.kept, kept{l.Addr().String(), file})
		}
	}
	s.open = nil
	return lost
}

// Drop closes the kept sockets that nobody has taken, but those at one of the
// ports: a connection to them would wait for an answer for ever.
func (s *Sockets) Drop(but ...int) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	s.kept = slices.DeleteFunc(s.kept, func(k kept) bool {
		if addr, err := net.ResolveTCPAddr("tcp", k.at); err == nil && slices.Contains(but, addr.Port) {
			return false
		}
		errs = append(errs, k.file.Close())
		return true
	})
	return errors.Join(errs...)
}

// Kept returns the addresses of the sockets that wait for their next owner.
func (s *Sockets) Kept() (list []string) {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kept {
		list = append(list, k.at)
	}
	slices.SortFunc(list, cmp.Compare[string])
	return list
}
