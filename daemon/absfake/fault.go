package absfake

import (
	"strings"
	"sync"
	"time"
)

// FaultKind says what goes wrong.
type FaultKind string

// The kinds of faults. What each reads of Fault is named beside it.
const (
	// LoseAnswer: the request is handled, its answer never leaves.
	LoseAnswer FaultKind = "lose"
	// CutBytes: the connection is cut after Bytes of the body.
	CutBytes FaultKind = "cut-bytes"
	// CutAfter: the connection is cut After the body began, if it still runs.
	CutAfter FaultKind = "cut-after"
	// Stall: nothing moves for After, or until the fault is removed where After
	// is zero. With Bytes, the body stops there; without, the request waits
	// before it is handled.
	Stall FaultKind = "stall"
	// Refuse: the connection is reset before the request is handled.
	Refuse FaultKind = "refuse"
	// Answer: something in between answers with Status (502 if zero), Body and
	// ContentType, a gateway's error page where they are empty.
	Answer FaultKind = "answer"
	// Portal: a captive portal's page with status 200.
	Portal FaultKind = "html"
	// Redirect: 302 to Location.
	Redirect FaultKind = "redirect"
	// InternalAs401: /auth/refresh answers "Invalid refresh token" without
	// having looked at the token, as the real one does for any inner error.
	InternalAs401 FaultKind = "internal"
	// Restart: the process ends and starts again, at most once per After.
	Restart FaultKind = "restart"
	// Rate: bodies leave at Bytes per second.
	Rate FaultKind = "rate"
)

// Fault is something that goes wrong with the requests it fits.
type Fault struct {
	Kind FaultKind

	// Path is a prefix of the path, or a pattern where * stands for anything
	// when it has one; case does not count and the base path is not part of it.
	// "": every path. For InternalAs401 it is always /auth/refresh.
	Path   string
	Method string // "": every method

	Upgrades bool // only requests that ask for a WebSocket, or another protocol

	Skip        int     // so many fitting requests pass first
	Times       int     // then it strikes so often; 0: for ever
	Probability float64 // that it strikes a fitting request; 0: always

	Bytes int64
	After time.Duration

	// Handled makes Answer, Portal, Redirect and Restart strike after the server
	// has handled the request, as a gateway does that loses patience.
	Handled     bool
	Status      int
	Body        string
	ContentType string
	Location    string
}

// armedFault is an injected fault with its count. Guarded by Server.mu, but
// for gone.
type armedFault struct {
	Fault
	seen, struck int
	last         time.Time     // of the last restart
	gone         chan struct{} // closed when the fault is removed
}

// Inject adds a fault; faults are asked in the order in which they came. remove
// takes it away again, releases what it holds up, and may be called repeatedly.
func (s *Server) Inject(f Fault) (remove func()) {
	if f.Kind == InternalAs401 {
		f.Path, f.Method = "/auth/refresh", "POST"
	}
	a := &armedFault{Fault: f, gone: make(chan struct{}), last: time.Now()}
	s.mu.Lock()
	s.faults = append(s.faults, a)
	s.mu.Unlock()
	var once sync.Once
	return func() {
		once.Do(func() {
			s.mu.Lock()
			for i, o := range s.faults {
				if o == a {
					s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
					break
				}
			}
			s.mu.Unlock()
			close(a.gone)
		})
	}
}

// striking picks the faults that strike this request and counts them.
func (s *Server) striking(method, path string, upgrade bool) []*armedFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*armedFault
	for _, a := range s.faults {
		if (a.Method != "" && a.Method != method) || (a.Upgrades && !upgrade) || !fits(a.Path, path) {
			continue
		}
		a.seen++
		if a.seen <= a.Skip || (a.Times > 0 && a.struck >= a.Times) {
			continue
		}
		if a.Probability > 0 && s.chance.Float64() >= a.Probability {
			continue
		}
		if a.Kind == Restart && a.After > 0 {
			if time.Since(a.last) < a.After {
				continue
			}
			a.last = time.Now()
		}
		a.struck++
		out = append(out, a)
	}
	return out
}

// fits tells whether a path is meant.
func fits(pattern, path string) bool {
	pattern, path = strings.ToLower(pattern), strings.ToLower(path)
	if !strings.Contains(pattern, "*") {
		return strings.HasPrefix(path, pattern)
	}
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(path, parts[0]) {
		return false
	}
	path = path[len(parts[0]):]
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(path, part)
		if i < 0 {
			return false
		}
		path = path[i+len(part):]
	}
	return strings.HasSuffix(path, parts[last])
}
