package proxy

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats is what a Server has done since it was made.
type Stats struct {
	Requests uint64 `json:"requests"`
	Bytes    uint64 `json:"bytes"`   // of bodies, to players
	Active   int64  `json:"active"`  // requests running now, without open sockets
	Sockets  int64  `json:"sockets"` // live sockets open now
	// Resumed counts how often a stream that broke off was continued within
	// the player's own answer; Broken the answers that had to be ended hard.
	Resumed uint64 `json:"resumed"`
	Broken  uint64 `json:"broken"`
	// Held counts the requests that waited here for a temporary failure to end.
	Held uint64 `json:"held"`
	// Unsent counts what players said in live sockets and nobody could take.
	Unsent uint64 `json:"unsent"`
	// Unauthorized counts the 401 that players got. They come from the guards
	// alone: the server's never pass.
	Unauthorized uint64 `json:"unauthorized"`
	// Withheld counts real tokens that only the last net caught. Anything but
	// 0 is a fault of the filter.
	Withheld uint64            `json:"withheld"`
	Refused  map[string]uint64 `json:"refused"` // by the name of the refusal
}

type counters struct {
	requests, bytes, withheld, unauthorized atomic.Uint64
	resumed, broken, held                   atomic.Uint64
	active                                  atomic.Int64

	mu      sync.Mutex
	refused map[string]uint64
}

func newCounters() counters { return counters{refused: make(map[string]uint64)} }

// Stats returns the counts of this moment.
func (s *Server) Stats() Stats {
	s.stats.mu.Lock()
	refused := maps.Clone(s.stats.refused)
	s.stats.mu.Unlock()
	return Stats{
		Requests: s.stats.requests.Load(),
		Bytes:    s.stats.bytes.Load(),
		Active:   s.stats.active.Load(),
		Sockets:  s.sockets.Open(),
		Withheld: s.stats.withheld.Load(),
		Unsent:   s.sockets.Unsent(),

		Resumed: s.stats.resumed.Load(),
		Broken:  s.stats.broken.Load(),
		Held:    s.stats.held.Load(),

		Unauthorized: s.stats.unauthorized.Load(),
		Refused:      refused,
	}
}
