package absfake

import (
	"context"
	"errors"
	"net/http"
	"time"
)

var errCut = errors.New("absfake: cut by a fault")

// Bodies under a rate leave in pieces of about a twentieth of a second, so that
// a slow link is slow evenly.
const (
	piecesPerSecond = 20
	smallestPiece   = 256
	largestPiece    = 32 << 10
)

// shaper passes a body on slowly, stops it or cuts it.
type shaper struct {
	*recorder
	ctx       context.Context
	rate      int64
	cutBytes  int64
	cutsBytes bool
	cutAfter  time.Duration
	stall     *armedFault

	begun   time.Time
	written int64
}

func (s *shaper) begin() {
	if !s.begun.IsZero() {
		return
	}
	s.begun = time.Now()
	if s.cutAfter > 0 {
		// A reader that has stopped would hold a write for ever.
		_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(s.begun.Add(s.cutAfter))
	}
}

// finish takes the deadline of CutAfter off a connection that outlived it.
func (s *shaper) finish() {
	if s.cutAfter > 0 && !s.begun.IsZero() && !s.cut {
		_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Time{})
	}
}

func (s *shaper) WriteHeader(status int) {
	s.begin()
	s.recorder.WriteHeader(status)
}

func (s *shaper) Write(p []byte) (int, error) {
	s.begin()
	if err := s.ctx.Err(); err != nil {
		return 0, err // the client has gone or the process has died
	}
	if s.rate <= 0 && !s.cutsBytes && s.cutAfter <= 0 && s.stall == nil {
		return s.recorder.Write(p)
	}
	total := 0
	for len(p) > 0 {
		n := int64(len(p))
		if s.rate > 0 {
			n = min(n, max(smallestPiece, min(largestPiece, s.rate/piecesPerSecond)))
		}
		if s.cutsBytes {
			if s.written >= s.cutBytes {
				return total, s.cutNow()
			}
			n = min(n, s.cutBytes-s.written)
		}
		if s.stall != nil {
			if s.written >= s.stall.Bytes {
				flush(s.ResponseWriter)
				a := s.stall
				s.stall = nil
				if !hold(s.ctx, a) {
					return total, s.cutNow()
				}
				continue
			}
			n = min(n, s.stall.Bytes-s.written)
		}
		m, err := s.recorder.Write(p[:n])
		total += m
		s.written += int64(m)
		if err != nil {
			if s.overdue() {
				return total, s.cutNow()
			}
			return total, err
		}
		p = p[n:]
		if s.rate > 0 {
			flush(s.ResponseWriter)
			due := s.begun.Add(time.Duration(float64(s.written) / float64(s.rate) * float64(time.Second)))
			if !s.waitUntil(due) {
				return total, s.cutNow()
			}
		}
		if s.overdue() {
			return total, s.cutNow()
		}
	}
	if s.cutsBytes && s.written >= s.cutBytes {
		return total, s.cutNow()
	}
	return total, nil
}

func (s *shaper) overdue() bool {
	return s.cutAfter > 0 && time.Since(s.begun) >= s.cutAfter
}

// waitUntil ends early for a cut that comes first; false: the client has gone.
func (s *shaper) waitUntil(due time.Time) bool {
	if s.cutAfter > 0 && due.After(s.begun.Add(s.cutAfter)) {
		due = s.begun.Add(s.cutAfter)
	}
	return sleep(s.ctx, time.Until(due))
}

func (s *shaper) cutNow() error {
	if !s.cut {
		s.cut = true
		flush(s.ResponseWriter)
	}
	return errCut
}
