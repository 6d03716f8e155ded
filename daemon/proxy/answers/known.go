package answers

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/route"
)

const (
	// knownFor is how long strangers are told what the server answered last: all of
	// them together make it answer once in that time.
	knownFor = 10 * time.Second
	// probeWait bounds the one question.
	probeWait = 5 * time.Second
)

// Probe answers strangers who ask whether the server is there. Without it anybody
// who reaches the local address could keep the server busy.
var Probe = &Route{routes: route.Parse("GET /ping\nGET /healthcheck"), access: anyone, answer: (*Local).probe}

// known is what the server answered to those who ask whether it is there.
type known struct {
	mu     sync.Mutex
	flight singleflight.Group
	last   map[string]knownAnswer // by path
}

type knownAnswer struct {
	status int
	raw    []byte
	no     *refusal.Refusal
	at     time.Time
}

// Stranger reports whether c comes from nobody that is known: from no program of
// the user, and without a living grant.
func (s *Local) Stranger(c *Request) bool {
	if c.fromUser() {
		return false
	}
	if c.Bearer == "" {
		return true
	}
	_, no := s.cfg.Caller(c.Context(), c.Bearer)
	return no != nil
}

// about asks the server, or tells a stranger what it answered last.
func (s *Local) about(c *Request, path string) (int, []byte, *refusal.Refusal) {
	if !s.Stranger(c) {
		return s.lookUp(c.Context(), path)
	}
	if a, ok := s.known.fresh(path); ok {
		return a.status, a.raw, a.no
	}
	got, _, _ := s.known.flight.Do(path, func() (any, error) {
		if a, ok := s.known.fresh(path); ok {
			return a, nil
		}
		// Whoever asked first may go away; the others still want to know.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), probeWait)
		defer cancel()
		status, raw, no := s.lookUp(ctx, path)
		return knownAnswer{status: status, raw: raw, no: no}, nil
	})
	a, _ := got.(knownAnswer) // it is one
	return a.status, a.raw, a.no
}

// lookUp asks the server and keeps its answer for strangers.
func (s *Local) lookUp(ctx context.Context, path string) (int, []byte, *refusal.Refusal) {
	status, raw, no := s.cfg.Ask(ctx, Question{Method: http.MethodGet, Path: path, Limit: maxStatus})
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	if s.known.last == nil {
		s.known.last = make(map[string]knownAnswer)
	}
	s.known.last[path] = knownAnswer{status, raw, no, time.Now()}
	return status, raw, no
}

func (k *known) fresh(path string) (knownAnswer, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.last[path]
	return a, ok && time.Since(a.at) < knownFor
}

// probe answers GET /ping and GET /healthcheck.
func (s *Local) probe(w http.ResponseWriter, c *Request) *refusal.Refusal {
	path := strings.TrimSuffix(strings.ToLower(c.Path), "/")
	status, raw, no := s.about(c, path)
	switch {
	case no != nil:
		return no
	case path == "/ping":
		answerJSON(w, status, raw)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = w.Write(raw) // the player may be gone
	}
	return nil
}
