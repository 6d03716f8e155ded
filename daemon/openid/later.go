package openid

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
)

// Later is a Keeper's answer where the server's sign-in limit leaves no room for one
// more spare now: it does after Wait. A browser that was sent on by itself keeps a
// page open until then, which goes on alone. Elsewhere Err ends the flow.
type Later struct {
	Wait time.Duration
	Err  error
}

func (e *Later) Error() string { return e.Err.Error() }
func (e *Later) Unwrap() error { return e.Err }

const (
	// laterMost is how long a page is kept open at the most.
	laterMost = 30 * time.Minute
	// pageLate is how much later than asked a page may go on: browsers slow down
	// pages that nobody looks at.
	pageLate = 3 * time.Minute
	// laterPath is where a waiting page goes on; a name that nobody guesses follows.
	laterPath = "/later/"
)

// further begins the next authorization of stage. If that has to wait, the browser's
// page does.
func (f *Flow) further(ctx context.Context, redirect string, p Progress, byBrowser bool) (*absapi.Authorization, error) {
	for until := time.Now().Add(laterMost); ; {
		flow, err := f.keeper.Authorize(ctx, redirect)
		var later *Later
		if !errors.As(err, &later) || !byBrowser || f.loopback == nil || later.Wait > time.Until(until) {
			return flow, err
		}
		p.Flow, p.Later, p.Ticket = nil, time.Now().Add(later.Wait), f.ticket
		f.set(p)
		if err := f.awaitPage(ctx, later.Wait+pageLate); err != nil {
			return nil, err
		}
	}
}

// awaitPage waits until the browser's page goes on, or the person does without.
func (f *Flow) awaitPage(ctx context.Context, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-f.goesOn:
		return nil
	case <-f.came: // only Skip sends one now
		return ErrSkipped
	case <-timer.C:
		return ErrNobody
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeTicket lets the flow go on for the page that has waited, and reports whether
// it is that page.
func (f *Flow) takeTicket(path string) bool {
	ticket, ok := strings.CutPrefix(path, laterPath)
	if !ok || ticket != f.ticket {
		return false
	}
	select {
	case f.goesOn <- struct{}{}:
	default: // it was looked at again
	}
	return true
}

// keepOpen is the page that goes on by itself.
func keepOpen(w http.ResponseWriter, p Progress) {
	left := max(1, int(math.Ceil(time.Until(p.Later).Seconds())))
	w.Header().Set("Refresh", fmt.Sprintf("%d; url=%s", left, laterPath+p.Ticket))
	page(w, http.StatusOK, "Signed in", fmt.Sprintf("Shelfkeeper keeps the session. The server's sign-in limit lets one more spare "+
		"session follow at %s: this page goes on by itself if you leave it open. You may close it and do without.", p.Later.Format("15:04")))
}
