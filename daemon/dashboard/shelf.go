package dashboard

import (
	"html/template"
	"sync"
	"time"

	"shelfkeeper/daemon/memory"
)

// shelf holds the templates while somebody looks at the page. They are read when
// the first page is asked for: most days nobody asks.
type shelf struct {
	mu     sync.Mutex
	parsed *template.Template
}

func (s *shelf) pages() *template.Template {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parsed == nil {
		s.parsed = templates()
	}
	return s.parsed
}

func (s *shelf) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parsed = nil
}

// tidyAfter is how long nobody looks at the page before what it took is given
// back. Reading the templates again takes some milliseconds.
const tidyAfter = 15 * time.Second

// tidyLocked is called when a connection has ended.
func (s *Server) tidyLocked() {
	switch {
	case s.conns > 0 || s.closed:
	case s.tidy == nil:
		s.tidy = time.AfterFunc(tidyAfter, func() { s.background(s.giveBack) })
	default:
		s.tidy.Reset(tidyAfter)
	}
}

// giveBack returns the memory that a visit took to the system: once after each, and
// never while somebody looks. The runtime by itself keeps some megabytes for the
// next allocations, which a daemon that idles does not make.
func (s *Server) giveBack() {
	s.mu.Lock()
	looking := s.conns > 0
	s.mu.Unlock()
	if looking {
		return
	}
	s.shelf.clear()
	forgetTexts()
	memory.GiveBack()
}
