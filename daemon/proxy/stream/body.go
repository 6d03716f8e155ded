package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"shelfkeeper/daemon/redact"
)

const (
	// goodLeg is how much a continued stream must have yielded for its next cut
	// to be mended without a pause.
	goodLeg = 64 << 10
	// firstPause and longestPause lie between tries that lead to nothing.
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// errChanged: the rest of the file is no longer the rest of what was begun.
var errChanged = errors.New("the file has changed on the server")

// Source is where a Body gets the remainder of what it gives out.
type Source struct {
	// Ask asks the server for a part of the file, as long as the file is the
	// one that the condition (If-Range) names.
	Ask       func(ctx context.Context, part Span, condition string) (*http.Response, error)
	Broadcast *Broadcast
	Watchdog  *Watchdog               // of the exchange that brought the answer
	Cancel    context.CancelCauseFunc // of that exchange
	Resumed   func()                  // a stream that broke off goes on; may be nil
	Log       *slog.Logger
}

// Body is the body of an answer that goes on where it broke off: it asks for
// the remainder and gives it out as if nothing had happened. It is read from
// one goroutine and closed after.
type Body struct {
	src Source
	ctx context.Context // of the player's request
	is  version
	at  int64 // of the next byte, in the file
	end int64

	leg   io.ReadCloser // the answer under way; nil: none
	drop  context.CancelCauseFunc
	skip  int64 // of the leg, before what is wanted
	got   int64 // from the leg
	pause time.Duration
}

// New returns resp's body as one that is continued, or nil where it cannot be:
// what is compressed, made while it is sent, or has nothing to know it by.
// The request that ctx belongs to bounds all of it.
func New(ctx context.Context, resp *http.Response, src Source) *Body {
	is, part, ok := versionOf(resp)
	if !ok {
		return nil
	}
	return &Body{src: src, ctx: ctx, is: is, at: part.From, end: part.End, leg: resp.Body, drop: src.Cancel}
}

// Read implements io.Reader. Its only good end is the end of what was promised.
func (b *Body) Read(p []byte) (int, error) {
	if b.at >= b.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), b.end-b.at)]
	began := time.Now()
	for {
		n, err := b.read(p)
		if n > 0 {
			b.at += int64(n)
			if b.got += int64(n); b.got >= goodLeg {
				b.pause = 0
			}
			return n, nil
		}
		b.Close()
		if err := b.resume(began, err); err != nil {
			return 0, err
		}
	}
}

// read reads from the leg under way.
func (b *Body) read(p []byte) (int, error) {
	if b.leg == nil {
		return 0, io.ErrUnexpectedEOF
	}
	for {
		b.src.Watchdog.Begin(stall, wakeProbe, errStalled)
		into := p
		if b.skip > 0 {
			into = p[:min(int64(len(p)), b.skip)]
		}
		n, err := b.leg.Read(into)
		b.src.Watchdog.End()
		switch {
		case b.skip > 0 && n > 0:
			b.skip -= int64(n)
		case n > 0 || err != nil:
			return n, err
		}
	}
}

// resume begins the next leg, for as long as the player may be kept waiting.
func (b *Body) resume(began time.Time, cause error) error {
	ctx := b.ctx
	for {
		left := patience - time.Since(began)
		if left <= 0 {
			return fmt.Errorf("continue a stream: %w", cause)
		}
		if !b.src.Broadcast.Pause(ctx, min(b.pause, left)) {
			return ctx.Err()
		}
		b.pause = min(max(firstPause, 2*b.pause), longestPause)
		err := b.next()
		if errors.Is(err, errMoved) {
			b.pause = 0
		}
		if err == nil {
			if b.src.Resumed != nil {
				b.src.Resumed()
			}
			b.src.Log.DebugContext(ctx, "stream continued", "reason", redact.Text(cause.Error()))
			return nil
		}
		if errors.Is(err, errChanged) || ctx.Err() != nil {
			return err
		}
		cause = err
	}
}

// next asks for the rest.
func (b *Body) next() error {
	ctx, drop := context.WithCancelCause(b.ctx)
	b.src.Watchdog.Watch(drop)
	b.src.Watchdog.Begin(stall, wakeProbe, errStalled)
	resp, err := b.src.Ask(ctx, Span{b.at, b.end}, b.is.condition())
	b.src.Watchdog.End()
	if err == nil {
		if err = b.take(resp); err == nil {
			b.leg, b.drop, b.got = resp.Body, drop, 0
			return nil
		}
		_ = resp.Body.Close()
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, errChanged) {
		err = cause
	}
	drop(nil)
	return err
}

// take reports whether resp is the rest, and sets how much of it is to be
// skipped. Everything that is not surely another file is a temporary failure.
func (b *Body) take(resp *http.Response) error {
	temporary := fmt.Errorf("the server answered %s", resp.Status)
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return errChanged
	default:
		return temporary
	}
	is, part, ok := versionOf(resp)
	switch {
	case is.kind != b.is.kind, is.tag == "" && is.modified == "":
		return temporary // a portal's page
	case !ok:
		return errChanged
	case !is.same(b.is), part.From > b.at, part.End <= b.at:
		return errChanged
	}
	b.skip = b.at - part.From
	return nil
}

// Close ends the leg under way.
func (b *Body) Close() {
	if b.leg != nil {
		b.drop(nil)
		_ = b.leg.Close()
		b.leg = nil
	}
}
