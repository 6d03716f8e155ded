package wsconn

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// firstPause and longestPause are the mean pauses before the second and
	// before later attempts. The drawn pause is at most twice the mean. A server
	// that restarts is back within minutes, and nothing announces it. For
	// eagerPeriod after the loss of a stable connection no pause therefore
	// exceeds five seconds. When the server refuses, or no connection was ever
	// stable, latePause is the mean. Whoever knows that an attempt is worth while
	// calls Kick.
	firstPause   = 500 * time.Millisecond
	longestPause = 2500 * time.Millisecond
	latePause    = time.Minute
	eagerPeriod  = 10 * time.Minute
	// betweenConnections lies between any two connections. The server must see the
	// end of the old one before the next one begins, so that it never counts two.
	betweenConnections = 250 * time.Millisecond
	// stableAfter is how long a connection must last to count as stable: one ping
	// of the server, every 25 s, has then been answered.
	stableAfter = 30 * time.Second
	// abortAfter is how old an attempt must be before Kick restarts it. A change
	// of networks comes as a burst of events, which would otherwise keep the first
	// attempt from ever finishing.
	abortAfter = time.Second
)

// newBackoff draws each pause between zero and twice a mean that doubles (full
// jitter). When a server restarts, all of its clients lose it at the same moment,
// and a narrower range would bring them back in waves. The library's
// randomization factor of one gives exactly this range, so its interval is half
// of the longest pause.
func newBackoff(most time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = firstPause, most
	b.Multiplier, b.RandomizationFactor = 2, 1
	b.Reset()
	return b
}

// pause waits until the next attempt is due. end is the reason for which the
// last one ended.
func (s *Socket) pause(ctx context.Context, end error) {
	if !wait(ctx, betweenConnections, nil) || retriesAtOnce(end) {
		return
	}
	if errors.Is(end, errAPIKey) {
		select { // until the account has another token
		case <-s.kicked:
		case <-ctx.Done():
		}
		return
	}
	s.mu.Lock()
	d := s.backoff.NextBackOff()
	late := s.lateBackoff.NextBackOff()
	var w *TemporaryError
	if !errors.As(end, &w) || !w.Away || s.lostAt.IsZero() || time.Since(s.lostAt) > eagerPeriod {
		d = late
	}
	s.mu.Unlock()
	if w != nil {
		d = max(d, w.RetryAfter)
	}
	wait(ctx, d, s.kicked)
}

// retriesAtOnce reports whether the next attempt needs no pause: after a kick,
// when the connection was found dead, and after the usual cut by a gateway.
func retriesAtOnce(end error) bool {
	return errors.Is(end, errKicked) || errors.Is(end, errProbe) || errors.Is(end, errNoPong) ||
		errors.As(end, new(unanswered)) || errors.As(end, new(expectedCut))
}

// wait returns after d, or when early is ready. It reports false when ctx ended.
func wait(ctx context.Context, d time.Duration, early <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-early:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
