package daemon

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

// lookout sits between players and the server and notices when the server
// stops answering: the session, which asks only about once an hour, would not.
// From then on it asks by itself until the server is back. While all is well
// it costs nothing.
type lookout struct {
	next  http.RoundTripper
	board *health.Board
	fail  chan struct{} // the server is down; holds one
	sign  chan struct{} // it may be; holds one
	woken chan struct{} // now is a good moment to ask; holds one
	lost  func()        // the server does not answer; may be nil

	mu   sync.Mutex
	down bool
}

func newLookout(up *upstream.Upstream, board *health.Board) *lookout {
	return &lookout{next: up.Transport(), board: board, fail: make(chan struct{}, 1), sign: make(chan struct{}, 1), woken: make(chan struct{}, 1)}
}

// doubt makes run look whether the server is still there.
func (l *lookout) doubt() {
	select {
	case l.sign <- struct{}{}:
	default:
	}
}

// wake makes run ask now, if the server is down.
func (l *lookout) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// RoundTrip implements http.RoundTripper.
func (l *lookout) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	switch {
	case err == nil:
		l.up()
	case r.Context().Err() == nil && !errors.Is(err, upstream.ErrClosed):
		l.fell(redact.Text(err.Error()))
	}
	return resp, err
}

func (l *lookout) fell(why string) {
	l.board.Raise(&health.NoAnswer, why)
	l.mu.Lock()
	was := l.down
	l.down = true
	l.mu.Unlock()
	if !was && l.lost != nil {
		l.lost()
	}
	select {
	case l.fail <- struct{}{}:
	default:
	}
}

func (l *lookout) up() {
	l.mu.Lock()
	was := l.down
	l.down = false
	l.mu.Unlock()
	if was {
		l.board.Clear(&health.NoAnswer)
	}
}

func (l *lookout) isDown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

// run asks for the server while it is down, until ctx ends. back is called
// when it answers again.
func (l *lookout) run(ctx context.Context, up *upstream.Upstream, back func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.sign:
			if err := ping(ctx, up); err != nil && ctx.Err() == nil {
				l.fell(redact.Text(err.Error()))
			}
			continue
		case <-l.woken:
			continue // it is not down
		case <-l.fail:
		}
		pause := backoff.NewExponentialBackOff()
		pause.InitialInterval, pause.MaxInterval = askFirst, askMost
		for l.isDown() {
			timer := time.NewTimer(pause.NextBackOff())
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			case <-l.woken:
				timer.Stop()
				pause.Reset()
			}
			if l.isDown() && ping(ctx, up) == nil {
				l.up()
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
