package wsconn

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// pauseFirst and pauseMost are the mean pauses before the second and the
	// late tries; the longest one is twice that. A server that restarts is
	// back within minutes, and nothing tells of it: for so long after a
	// connection that held, eagerFor, no pause exceeds five seconds. Where
	// somebody answers and says no, or nothing ever worked, pauseLate is the
	// mean: who can tell that a try is worth while calls Kick.
	pauseFirst = 500 * time.Millisecond
	pauseMost  = 2500 * time.Millisecond
	pauseLate  = time.Minute
	eagerFor   = 10 * time.Minute
	// breather stands between any two connections, so that the server has seen
	// the end of the old one before the next one comes: it must never count two.
	breather = 250 * time.Millisecond
	// stableAfter is how long a connection must have lasted for the next pause
	// to be a short one: the server's ping, every 25 s, was answered once.
	stableAfter = 30 * time.Second
	// abortAfter is how old an attempt must be for Kick to begin it anew. A
	// change of networks comes as a burst of events, which would otherwise keep
	// the first attempt from ever being finished.
	abortAfter = time.Second
)

// newBackoff draws each pause from between nothing and twice a mean that
// doubles: full jitter. When a server comes back after a restart all of its
// clients have lost it in the same moment, and anything narrower would bring
// them back in waves. The library's factor of one spreads its interval over
// exactly that range; the interval is therefore half of the longest pause.
func newBackoff(most time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = pauseFirst, most
	b.Multiplier, b.RandomizationFactor = 2, 1
	b.Reset()
	return b
}

// pause waits until the next attempt is due after one that ended with end.
func (s *Socket) pause(ctx context.Context, end error) {
	// Who was asked and did not answer, and who ends all connections after a
	// while, is tried again at once.
	if !wait(ctx, breather, nil) || errors.Is(end, errKicked) || errors.Is(end, errProbe) || errors.Is(end, errNoPong) || errors.As(end, new(habitualEnd)) {
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
	late := s.late.NextBackOff()
	var w *Weather
	if !errors.As(end, &w) || !w.Away || s.lost.IsZero() || time.Since(s.lost) > eagerFor {
		d = late
	}
	s.mu.Unlock()
	if w != nil {
		d = max(d, w.RetryAfter)
	}
	wait(ctx, d, s.kicked)
}

// wait returns after d or when early is ready, and reports whether ctx lasted.
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
