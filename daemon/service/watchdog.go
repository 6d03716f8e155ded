package service

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/upstream"
)

const (
	// askFirst and askMost are the pauses between pings while players cannot
	// reach the server.
	askFirst = 2 * time.Second
	askMost  = 30 * time.Second
	// askDeadline bounds one ping.
	askDeadline = 10 * time.Second
	// refusedApart lies between the pings that refused requests cause: a player
	// that asks again and again is served that soon after the server is back.
	refusedApart = 2 * time.Second
	// nudgeApart lies between the times that the session is woken because a
	// request was refused although the server answers: its renewal may fail for
	// another reason, and each try costs a request of the sign-in limit.
	nudgeApart = time.Minute
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
	// refusals are requests that got no token and so did not reach the server;
	// holds one.
	refusals chan struct{}
	lost     func() // the server does not answer; may be nil

	base string // the server's base path

	mu   sync.Mutex
	down trouble
}

// trouble is what keeps players from the server.
type trouble int

const (
	none trouble = iota
	// silent: nothing answers, or only a gateway that has no server behind it.
	silent
	// blocked: a gateway lets some requests through and not those of players. Only the
	// answer to one of those ends it.
	blocked
)

func newWatchdog(up *upstream.Upstream, board *health.Board) *watchdog {
	return &watchdog{next: up.Transport(), board: board, fail: make(chan struct{}, 1), probes: make(chan struct{}, 1),
		woken: make(chan struct{}, 1), refusals: make(chan struct{}, 1), base: up.Base().Path}
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

// refused says that a request was sent away because there is no token. It makes
// run ask whether the server is back, at most every refusedApart.
func (w *watchdog) refused() {
	select {
	case w.refusals <- struct{}{}:
	default:
	}
}

// RoundTrip implements http.RoundTripper.
func (w *watchdog) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		if r.Context().Err() == nil && !errors.Is(err, upstream.ErrClosed) {
			w.markDown(silent, absapi.ErrorObstacle(err))
		}
		return resp, err
	}
	path := strings.TrimPrefix(r.URL.Path, w.base)
	switch origin, obstacle := absapi.Judge(path, resp); {
	case origin == absapi.Foreign && strings.HasPrefix(path, "/api/"):
		w.markDown(blocked, obstacle)
	case origin == absapi.Foreign:
		w.markDown(silent, obstacle)
	case origin == absapi.Own && strings.HasPrefix(path, "/api/"):
		w.markUp(blocked)
	case origin == absapi.Own:
		w.markUp(silent)
	}
	return resp, nil
}

// markDown says what keeps players from the server. What blocks them stays until a
// player's request is answered.
func (w *watchdog) markDown(is trouble, o absapi.Obstacle) {
	w.board.RaiseWith(&health.NoAnswer, o.Evidence, o.Remedy)
	w.mu.Lock()
	was := w.down
	w.down = max(w.down, is)
	w.mu.Unlock()
	if was == none && w.lost != nil {
		w.lost()
	}
	select {
	case w.fail <- struct{}{}:
	default:
	}
}

// markUp says that the server has answered something that ends that trouble and all
// lesser ones.
func (w *watchdog) markUp(ends trouble) {
	w.mu.Lock()
	was := w.down
	if was <= ends {
		w.down = none
	}
	w.mu.Unlock()
	if was != none && was <= ends {
		w.board.Clear(&health.NoAnswer)
	}
}

func (w *watchdog) isDown() bool { return w.is() != none }

func (w *watchdog) is() trouble {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down
}

// ask asks whether what is down is back.
func (w *watchdog) ask(ctx context.Context, up *upstream.Upstream) error {
	if w.is() < blocked {
		return ping(ctx, up)
	}
	ctx, cancel := context.WithTimeout(ctx, askDeadline)
	defer cancel()
	conn := up.Private()
	defer conn.Close()
	return absapi.New(conn, up.Base()).Passes(ctx)
}

// obstacle is what an error of absapi stands for.
func obstacle(err error) absapi.Obstacle {
	e := absapi.AsError(err)
	return absapi.Obstacle{Evidence: e.Evidence, Remedy: e.Remedy, NeedsUser: e.NeedsUser}
}

// run asks for the server while it is down, until ctx ends. back is called
// when it answers again.
func (w *watchdog) run(ctx context.Context, up *upstream.Upstream, back func()) {
	var last, nudged time.Time // when a ping ended, when back was called for a refused request
	var refused <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.probes:
			if err := ping(ctx, up); err != nil && ctx.Err() == nil {
				w.markDown(silent, obstacle(err))
			}
			last = time.Now()
			continue
		case <-w.woken:
			continue // it is not down
		case <-w.refusals:
			if refused == nil {
				refused = time.After(time.Until(last.Add(refusedApart)))
			}
			continue
		case <-refused:
			refused = nil
			err := ping(ctx, up)
			last = time.Now()
			switch {
			case ctx.Err() != nil:
			case err != nil:
				w.markDown(silent, obstacle(err))
			case last.Sub(nudged) >= nudgeApart:
				nudged = last
				back()
			}
			continue
		case <-w.fail:
		}
		if w.askUntilUp(ctx, up, &last) {
			back()
		}
	}
}

// askUntilUp asks at growing pauses until the server answers or ctx ends, and
// reports whether it was answered. A refused request makes it ask sooner.
func (w *watchdog) askUntilUp(ctx context.Context, up *upstream.Upstream, last *time.Time) bool {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = askFirst, askMost
	for w.isDown() {
		due := time.NewTimer(pause.NextBackOff())
		for asked := false; !asked; {
			select {
			case <-ctx.Done():
				due.Stop()
				return false
			case <-due.C:
				asked = true
			case <-w.woken:
				pause.Reset()
				asked = true
			case <-w.refusals:
				due.Reset(max(0, time.Until(last.Add(refusedApart))))
			}
		}
		due.Stop()
		if !w.isDown() {
			return false // a player's request was answered meanwhile
		}
		is := w.is()
		err := w.ask(ctx, up)
		*last = time.Now()
		if err == nil {
			w.markUp(is)
			return true
		}
		if ctx.Err() == nil {
			w.markDown(is, obstacle(err))
		}
	}
	return false
}

func ping(ctx context.Context, up *upstream.Upstream) error {
	ctx, cancel := context.WithTimeout(ctx, askDeadline)
	defer cancel()
	conn := up.Private()
	defer conn.Close()
	_, err := absapi.New(conn, up.Base()).Ping(ctx)
	return err
}
