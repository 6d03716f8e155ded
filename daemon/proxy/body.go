package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// bodyWait is how long nothing of a body may come that is read here. Players
	// write a small one at once.
	bodyWait = 30 * time.Second
	// drainWait is how long the rest of a body may take that nobody reads.
	drainWait = time.Second
)

// patientBody ends a body that does not come. It cannot be done by a deadline
// of the whole request: an upload of hours is fine. The deadline stands before
// anybody reads, since net/http itself reads what a handler leaves over.
type patientBody struct {
	io.ReadCloser
	conn *http.ResponseController
	wait time.Duration // how long nothing may come
	// revoked reports whether the player may send no more; nil: it may.
	revoked func() bool
	done    atomic.Bool // all of it was read
	late    atomic.Bool // it did not come
	over    atomic.Bool // its answer has begun: the rest is of no use any more
}

// newPatientBody returns r's body with a deadline.
func newPatientBody(w http.ResponseWriter, r *http.Request) *patientBody {
	b := &patientBody{ReadCloser: r.Body, conn: http.NewResponseController(w), wait: bodyWait}
	b.within(bodyWait)
	return b
}

func (b *patientBody) within(d time.Duration) {
	_ = b.conn.SetReadDeadline(time.Now().Add(d)) // without one it is as slow as the player
}

func (b *patientBody) Read(p []byte) (int, error) {
	if b.late.Load() || b.revoked != nil && b.revoked() {
		return 0, errLateBody
	}
	if !b.done.Load() && !b.over.Load() {
		b.within(b.wait)
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.done.Store(true)
		_ = b.conn.SetReadDeadline(time.Time{}) // from here on net/http watches the connection itself
	case err != nil:
		b.late.Store(true) // and the deadline stands: what is left is not waited for either
	}
	return n, err
}

// errLateBody: the body was given up.
var errLateBody = errors.New("the request's body did not arrive")

// giveUp says that the rest is of no use: it is waited for that long. net/http reads
// some of it before it sends the head of an answer.
func (b *patientBody) giveUp(wait time.Duration) {
	if b != nil && !b.done.Load() && !b.late.Load() && !b.over.Swap(true) {
		b.within(wait)
	}
}
