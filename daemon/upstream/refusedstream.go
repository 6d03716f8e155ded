package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// HTTP/2 lets a gateway refuse a request without having looked at it, and net/http then
// sends it again for half a minute, at growing pauses. HAProxy refuses so where no
// server is left behind it, and a player would wait all that time for its reason.
const (
	// refusedMost is how often a request is begun, and refusedAfter how long it is tried
	// for at least: a connection that is being replaced costs tries, too, but no time.
	refusedMost  = 3
	refusedAfter = 2 * time.Second
)

// RefusedError is the error of a request that a gateway has refused again and again
// without having looked at it. It was not done.
type RefusedError struct{ Err error }

// Error returns the evidence.
func (e *RefusedError) Error() string { return e.Evidence() }

// Unwrap returns the transport's error.
func (e *RefusedError) Unwrap() error { return e.Err }

// Unwritten reports that nobody has acted on the request.
func (e *RefusedError) Unwritten() bool { return true }

// Evidence says what the gateway does. absapi shows it.
func (e *RefusedError) Evidence() string {
	return "the gateway refuses requests without having looked at them, as HAProxy does with no server behind it"
}

// Remedy says what ends it.
func (e *RefusedError) Remedy() string {
	return "start Audiobookshelf, or correct the address to which the gateway forwards (HAProxy: server)"
}

var errRefused = errors.New("refused too often")

// roundTrip is t.RoundTrip, but for the bound of refusals.
func roundTrip(t *http.Transport, r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return t.RoundTrip(r)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	begun := time.Now()
	var got struct {
		times atomic.Int32
		below atomic.Pointer[recordConn]
	}
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		c, secure := i.Conn.(*tls.Conn)
		if secure {
			under, _ := c.NetConn().(*recordConn)
			got.below.Store(under)
		}
		if secure && c.ConnectionState().NegotiatedProtocol == "h2" && got.times.Add(1) > refusedMost && time.Since(begun) > refusedAfter {
			cancel(errRefused)
		}
	}}
	resp, err := t.RoundTrip(r.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		if context.Cause(ctx) == errRefused {
			err = &RefusedError{Err: errRefused}
		}
		cancel(nil)
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body := &tracedBody{ReadCloser: resp.Body, done: cancel}
		if resp.ProtoMajor == 1 && resp.Body != http.NoBody {
			body.below = got.below.Load()
		}
		resp.Body = body
	}
	return resp, nil
}

// tracedBody gives back what roundTrip holds once nobody reads any more.
type tracedBody struct {
	io.ReadCloser
	done  context.CancelCauseFunc
	below *recordConn // the connection, where nobody else reads from it; nil: not known
}

// Read returns what is here, several records at once. It waits for the first alone.
func (b *tracedBody) Read(p []byte) (n int, err error) {
	if b.below != nil {
		b.below.asked(len(p))
	}
	for {
		m, err := b.ReadCloser.Read(p[n:])
		n += m
		if err != nil {
			b.below = nil // the transport may read from it now
		}
		if m == 0 || b.below == nil || !b.below.atHand(len(p)-n) {
			return n, err
		}
	}
}

func (b *tracedBody) Close() error {
	err := b.ReadCloser.Close()
	b.done(nil)
	return err
}
