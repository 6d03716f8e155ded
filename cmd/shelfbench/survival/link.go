package survival

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"syscall"
	"time"

	"shelfkeeper/daemon/upstream"
)

const (
	// nearest and farthest are how long a packet travels.
	nearest, farthest = 5 * time.Millisecond, 120 * time.Millisecond
	// lostAnswers is the share of rotations whose answer never arrives.
	lostAnswers = 0.02
	// tcpPatience is when a system gives a silent connection up by itself.
	tcpPatience = 10 * time.Minute
)

var errCrashed = errors.New("the process has crashed")

// conn is one connection to the server. It dies with the network it was made
// on, with the sleep of the machine and with its process.
type conn struct {
	life   *life
	closed chan struct{}
	once   sync.Once

	dialled    bool
	generation int
}

func (l *life) connect() *conn { return &conn{life: l, closed: make(chan struct{})} }

// Dial does nothing: the first request dials, as the slowest of all connections would.
func (c *conn) Dial() {}

// Close cuts the connection, whatever is on its way.
func (c *conn) Close() { c.once.Do(func() { close(c.closed) }) }

// errClosed is what a request hears whose connection was closed under it.
var errClosed = &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}

// trip is one request with its clock, which stands still while the machine
// sleeps, as the clock of timers does.
type trip struct {
	*conn
	ctx      context.Context
	patience time.Duration
	began    time.Duration
}

// Do sends one request. It tells a trace in r's context how far it got.
func (c *conn) Do(r *http.Request) (*http.Response, error) {
	w := c.life.world
	t := &trip{conn: c, ctx: r.Context(), patience: tcpPatience, began: w.awakeFor()}
	if d, ok := r.Context().Deadline(); ok {
		t.patience = time.Until(d)
	}
	if err := t.pass(0); err != nil {
		return nil, err // nothing begins while the machine sleeps
	}
	up, down := w.way("up", r), w.way("down", r)
	if !c.dialled {
		if err := t.dial(up + down); err != nil {
			return nil, err
		}
	}
	trace := httptrace.ContextClientTrace(r.Context())
	if trace == nil {
		trace = &httptrace.ClientTrace{}
	}
	if trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	w.mu.Lock()
	dead, silent := c.generation != w.generation, w.silent
	w.mu.Unlock()
	if dead && !silent {
		return nil, upstream.ErrSpent // the reset came before the request
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if dead {
		return nil, t.giveUp()
	}
	return t.travel(r, up, down)
}

// alive reports whether the network of c is still the machine's.
func (c *conn) alive() bool {
	c.life.world.mu.Lock()
	defer c.life.world.mu.Unlock()
	return c.generation == c.life.generation
}

func (t *trip) dial(way time.Duration) error {
	w := t.life.world
	w.mu.Lock()
	disruption, between, generation := w.disruption, w.between, w.generation
	w.mu.Unlock()
	switch {
	case between:
		return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ENETUNREACH}
	case disruption == silence:
		return t.giveUp()
	}
	if err := t.pass(way); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if disruption == refused || generation != w.generation {
		return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	t.dialled, t.generation = true, generation
	return nil
}

// arrival is what came of a request: an answer, or how it was lost.
type arrival struct {
	answer *http.Response
	silent bool
}

// travel takes the request to the server and the answer back. Once it has left,
// nothing that happens to the machine calls it back.
func (t *trip) travel(r *http.Request, up, down time.Duration) (*http.Response, error) {
	w := t.life.world
	rotation := r.URL.Path == refreshPath
	if rotation {
		w.rotating(up + down + diskTime)
	}
	w.mu.Lock()
	handoffs := w.handoffs
	w.mu.Unlock()
	arrives := make(chan arrival, 1)
	w.running.Go(func() { arrives <- t.journey(r, up, down, handoffs, rotation) })
	cancelled := t.ctx.Done()
	for {
		select {
		case a := <-arrives:
			switch {
			case a.answer != nil:
				return a.answer, nil
			case a.silent:
				return nil, t.giveUp()
			}
			if err := t.pass(0); err != nil {
				return nil, err
			}
			return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		case <-t.life.dead:
			return nil, errCrashed
		case <-t.closed:
			return nil, errClosed
		case <-cancelled:
			if errors.Is(t.ctx.Err(), context.Canceled) {
				return nil, t.ctx.Err()
			}
			cancelled = nil // patience is counted by the clock that sleeps
		}
	}
}

func (t *trip) journey(r *http.Request, up, down time.Duration, handoffs int, rotation bool) arrival {
	w := t.life.world
	time.Sleep(up)
	w.mu.Lock()
	disruption, gone := w.disruption, w.handoffs != handoffs || w.between
	silent := disruption == silence || disruption != refused && w.silent
	w.mu.Unlock()
	if gone || disruption.hard() {
		return arrival{silent: silent}
	}
	answer := w.serve(r)
	if answer == nil {
		return arrival{}
	}
	if rotation && answer.StatusCode == http.StatusOK {
		w.mu.Lock()
		lost, quiet := w.chance("lost") < lostAnswers && !w.calm, w.chance("quiet") < 0.5
		if lost {
			w.struck.AnswersLost++
		}
		w.mu.Unlock()
		if lost {
			return arrival{silent: quiet}
		}
	}
	time.Sleep(down)
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.generation != w.generation || w.asleep || w.disruption.hard() {
		return arrival{silent: w.disruption == silence || w.disruption != refused && w.silent}
	}
	return arrival{answer: answer}
}

// giveUp waits as long as the request's deadline allows.
func (t *trip) giveUp() error {
	left := t.patience - (t.life.awakeFor() - t.began)
	if err := t.pass(max(0, left)); err != nil {
		return err
	}
	return context.DeadlineExceeded
}

// pass waits until the machine has been awake that long.
func (t *trip) pass(d time.Duration) error {
	w := t.life.world
	cancelled := t.ctx.Done()
	for from := w.awakeFor(); ; {
		w.mu.Lock()
		asleep, woken := w.asleep, w.woken
		w.mu.Unlock()
		var timer <-chan time.Time
		if !asleep {
			left := d - (w.awakeFor() - from)
			if left <= 0 {
				if t.life.isDead() {
					return errCrashed
				}
				return nil
			}
			timer, woken = time.After(left), nil
		}
		select {
		case <-timer:
		case <-woken:
		case <-t.life.dead:
			return errCrashed
		case <-t.closed:
			return errClosed
		case <-cancelled:
			if errors.Is(t.ctx.Err(), context.Canceled) {
				return t.ctx.Err()
			}
			cancelled = nil
		}
	}
}

// way is how long a packet of r takes now. Of its query only the number counts: a
// sign-in through OpenID puts random words there, which no seed fixes.
func (w *world) way(direction string, r *http.Request) time.Duration {
	purpose := direction + r.Method + r.URL.Path + r.URL.Query().Get("no")
	return nearest + time.Duration(w.chance(purpose)*float64(farthest-nearest))
}

// serve hands r to the double as net/http would, and returns nil if it cut the
// connection.
func (w *world) serve(r *http.Request) (answer *http.Response) {
	q := r.Clone(context.Background())
	q.RequestURI, q.RemoteAddr = r.URL.RequestURI(), "192.0.2.1:40000"
	q.Proto, q.ProtoMajor, q.ProtoMinor = "HTTP/1.1", 1, 1
	if q.Body == nil {
		q.Body = http.NoBody
	}
	if q.Host == "" {
		q.Host = r.URL.Host
	}
	rec := &recorder{header: http.Header{}}
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			answer = nil
		} else if p != nil {
			panic(p)
		}
	}()
	w.http.ServeHTTP(rec, q)
	if rec.header["Date"] == nil {
		rec.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return &http.Response{
		StatusCode: max(rec.status, http.StatusOK), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rec.header, Body: io.NopCloser(&rec.body), ContentLength: int64(rec.body.Len()), Request: r,
	}
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}
