package absapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

const (
	// maxBody bounds every answer but those below; ABS's are a few hundred bytes.
	maxBody = 1 << 20
	// maxSessionBody bounds answers that hold the whole user: with ten thousands
	// of progress entries and bookmarks they reach tens of megabytes. What goes
	// beyond maxBody is read and not kept.
	maxSessionBody = 64 << 20
)

// reply is everything classify may look at.
type reply struct {
	status    int
	header    http.Header
	body      []byte
	tooLarge  bool // the body went on beyond its bound
	elsewhere bool // the Doer followed a redirect
	secure    bool // it came over TLS, which ABS itself does not speak
	err       error
	unwritten bool
	at        time.Time
}

func (a reply) failure(o op, v Verdict, evidence string) *Error {
	m := a.meta()
	// A gateway's own answer says nothing about ABS's limiter.
	m.Direct = m.Direct && v != Temporary && v != NotABS
	if o == opRefresh && v == Temporary && a.status > 0 {
		evidence = "/auth/refresh " + evidence // a gateway may treat it in another way than the rest
	}
	e := &Error{
		Op: o.String(), Verdict: v, Status: a.status, Evidence: evidence,
		RetryAfter: retryAfter(a.status, a.header, a.at), Unwritten: a.unwritten, Meta: m, Err: a.err,
	}
	switch {
	case v != Temporary && v != NotABS && (v != RateLimited || o.isLogin() || o == opRefresh):
	case a.err != nil:
		e.Remedy, e.NeedsUser = errorRemedy(a.err)
	case a.status > 0:
		e.Remedy, e.NeedsUser = answerRemedy(a)
		if o == opRefresh && barred(a.status) { // a preflight has just been answered
			e.Remedy = "let the gateway pass /auth/refresh as it passes the rest, or " + e.Remedy
		}
	}
	return e
}

// barred reports a refusal of one address or method.
func barred(status int) bool {
	return status == http.StatusForbidden || status == http.StatusNotFound || status == http.StatusMethodNotAllowed
}

func (c *Client) exchange(ctx context.Context, q call) reply {
	var w written
	r, err := q.request(w.trace(ctx), c.base)
	if err != nil {
		return reply{err: err, unwritten: true, at: time.Now()}
	}
	resp, err := c.doer.Do(r)
	if err != nil {
		return reply{err: err, unwritten: w.proves(err), at: time.Now()}
	}
	defer resp.Body.Close()
	a := reply{status: resp.StatusCode, header: resp.Header, secure: resp.TLS != nil, at: time.Now()}
	if from := resp.Request; from != nil && from.URL != nil {
		a.elsewhere = from.URL.String() != r.URL.String()
	}
	a.body, a.err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if len(a.body) > maxBody {
		a.tooLarge = true
		if q.op.bringsUser() && a.status == http.StatusOK && isJSON(a.header) {
			a.condense(resp.Body)
		}
		a.body = a.body[:min(len(a.body), maxBody)]
	}
	return a
}

// condense reads a large answer with a user to its end. Of one that is no such
// answer, only the beginning is kept.
func (a *reply) condense(rest io.Reader) {
	body := &bounded{r: io.MultiReader(bytes.NewReader(a.body), rest), left: maxSessionBody}
	small, err := condense(body)
	switch {
	case err == nil:
		a.body, a.tooLarge = small, false
	case body.failed != nil:
		a.err, a.tooLarge = body.failed, false
	}
}

// bounded reads at most left bytes, and keeps the error of what it reads from.
type bounded struct {
	r      io.Reader
	left   int
	failed error
}

var errTooLarge = errors.New("the answer is too large")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	return n, err
}

// written watches how far a request got. Its callbacks run on the transport's
// goroutines.
type written struct {
	gotConnection, wroteHeaders, multiplexed atomic.Bool
}

func (w *written) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) {
			w.gotConnection.Store(true)
			if t, ok := i.Conn.(*tls.Conn); ok && t.ConnectionState().NegotiatedProtocol == "h2" {
				w.multiplexed.Store(true)
			}
		},
		WroteHeaders: func() { w.wroteHeaders.Store(true) },
	})
}

// proves reports whether the request surely never left in full.
//
// Without a connection it cannot have left. With one, missing headers prove
// something only on HTTP/1 and only when the transport gave up by itself: it
// then waited for its writer, while a cancelled call returns with the writer
// still running, and so does HTTP/2. An error may also carry the proof.
func (w *written) proves(err error) bool {
	var known interface{ Unwritten() bool }
	if errors.As(err, &known) {
		return known.Unwritten()
	}
	if !w.gotConnection.Load() {
		return true
	}
	gaveUp := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	return !w.wroteHeaders.Load() && !w.multiplexed.Load() && !gaveUp
}
