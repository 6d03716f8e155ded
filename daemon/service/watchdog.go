package service

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

const (
	// askFirst and askMost are the pauses between pings while players cannot
	// reach the server.
	askFirst = 2 * time.Second
	askMost  = 30 * time.Second
	// askDeadline bounds one ping.
	askDeadline = 10 * time.Second
)

// watchdog sits between players and the server and notices when the server
// stops answering. The session would not: it asks about once an hour. From
// then on the watchdog asks by itself until the server is back. While the
// server answers it makes no requests.
type watchdog struct {
	next   http.RoundTripper
	board  *health.Board
	fail   chan struct{} // the server is down; holds one
	probes chan struct{} // it may be; holds one
	woken  chan struct{} // now is a good moment to ask; holds one
	lost   func()        // the server does not answer; may be nil

	mu   sync.Mutex
	down bool
}

func newWatchdog(up *upstream.Upstream, board *health.Board) *watchdog {
	return &watchdog{next: up.Transport(), board: board, fail: make(chan struct{}, 1), probes: make(chan struct{}, 1),
		woken: make(chan struct{}, 1)}
}

// probe makes run ask whether the server is still there.
func (w *watchdog) probe() {
	select {
	case w.probes <- struct{}{}:
	default:
	}
}

// wake makes run ask now, if the server is down.
func (w *watchdog) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// RoundTrip implements http.RoundTripper.
func (w *watchdog) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	switch {
	case err == nil:
		w.markUp()
	case r.Context().Err() == nil && !errors.Is(err, upstream.ErrClosed):
		w.markDown(redact.Text(err.Error()))
	}
	return resp, err
}

func (w *watchdog) markDown(why string) {
	w.board.Raise(&health.NoAnswer, why)
	w.mu.Lock()
	was := w.down
	w.down = true
	w.mu.Unlock()
	if !was && w.lost != nil {
		w.lost()
	}
	select {
	case w.fail <- struct{}{}:
	default:
	}
}

func (w *watchdog) markUp() {
	w.mu.Lock()
	was := w.down
	w.down = false
	w.mu.Unlock()
	if was {
		w.board.Clear(&health.NoAnswer)
	}
}

func (w *watchdog) isDown() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down
}

// run asks for the server while it is down, until ctx ends. back is called
// when it answers again.
func (w *watchdog) run(ctx context.Context, up *upstream.Upstream, back func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.probes:
			if err := ping(ctx, up); err != nil && ctx.Err() == nil {
				w.markDown(redact.Text(err.Error()))
			}
			continue
		case <-w.woken:
			continue // it is not down
		case <-w.fail:
		}
		pause := backoff.NewExponentialBackOff()
		pause.InitialInterval, pause.MaxInterval = askFirst, askMost
		for w.isDown() {
			timer := time.NewTimer(pause.NextBackOff())
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			case <-w.woken:
				timer.Stop()
				pause.Reset()
			}
			if w.isDown() && ping(ctx, up) == nil {
				w.markUp()
				back()
			}
		}
	}
}

func ping(ctx context.Context, up *upstream.Upstream) error {
	ctx, cancel := context.WithTimeout(ctx, askDeadline)
	defer cancel()
	conn := up.Private()
	defer conn.Close()
	_, err := absapi.New(conn, up.Base()).Ping(ctx)
	return err
}
