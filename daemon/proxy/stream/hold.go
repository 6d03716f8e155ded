package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/proxy/refusal"
)

// HoldFor is how long a request is held in a temporary failure. Most of them
// are over by then, a server's restart included, and players give up after 10
// to 30 s.
const HoldFor = 10 * time.Second

// HoldStream is the same for a file that is under way: an outage of a minute, and the
// way back after it.
const HoldStream = patience

// Hold holds a request for a while instead of refusing it.
type Hold struct {
	broadcast *Broadcast
	most      time.Duration // 0 means not at all
	held      func()        // called once
	until     time.Time     // zero before the first failure
	pause     time.Duration
}

// NewHold returns a Hold for at most that time; 0 means none. It calls held before the
// first pause.
func NewHold(b *Broadcast, most time.Duration, held func()) *Hold {
	return &Hold{broadcast: b, most: most, held: held, pause: firstPause}
}

// Again pauses, and reports whether the request is sent again after no. The time runs
// from the first failure, so that a failure that shows late costs the player nothing.
func (h *Hold) Again(ctx context.Context, no *refusal.Refusal) bool {
	if h.most <= 0 || !no.Passing {
		return false
	}
	first := h.until.IsZero()
	if first {
		h.until = time.Now().Add(h.most)
	}
	left := time.Until(h.until)
	if left <= 0 || !no.EndsEarly && no.Retry > max(left, refusal.RetryAfter) {
		return false
	}
	if first {
		h.held()
	}
	pause := min(h.pause, left)
	h.pause = min(2*h.pause, longestPause)
	return h.broadcast.Pause(ctx, pause)
}

// Held returns how long the request has been held by now.
func (h *Hold) Held() time.Duration {
	if h.until.IsZero() {
		return 0
	}
	return h.most - time.Until(h.until)
}

// Unreached returns the refusal for a server that cannot be reached. It is not Passing
// when the reason does not end by itself.
func Unreached(err error) *refusal.Refusal {
	no := refusal.Temporary.Because(absapi.ErrorObstacle(err).Evidence)
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) || errors.Is(err, ErrSlowHead) {
		no.Passing = false
	}
	return no
}
