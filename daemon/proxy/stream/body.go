// Package stream carries an answer of the server to a player across failures
// of the network. It holds a request for a while, notices an answer that has
// stopped, and continues a file from where it broke off.
//
// It exists because players take a short read for the end of a book. It never joins
// parts of two versions of a file, and it never repeats a request by itself: its owner
// sends every request.
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
	// goodLeg is how many bytes one answer must bring before its cut is mended
	// without a pause.
	goodLeg = 64 << 10
	// firstPause and longestPause lie between attempts that fail.
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// errChanged says that the file is not the one any more that was begun.
var errChanged = errors.New("the file has changed on the server")

// Source is the origin from which a Body gets its remainder.
type Source struct {
	// Ask requests a part of the file, if the file still fulfils the condition
	// (If-Range).
	Ask       func(ctx context.Context, part Span, condition string) (*http.Response, error)
	Broadcast *Broadcast
	Watchdog  *Watchdog               // of the exchange with the first answer
	Cancel    context.CancelCauseFunc // of that exchange
	Resumed   func()                  // called when a broken stream goes on; may be nil
	Log       *slog.Logger
}

// Body is the body of an answer that continues where it broke off. It requests the
// remainder, and its reader notices only a delay. One goroutine reads and closes it.
type Body struct {
	src Source
	ctx context.Context // of the player's request
	is  version
	at  int64 // of the next byte, in the file
	end int64

	leg   io.ReadCloser // the body of the present answer, or nil
	drop  context.CancelCauseFunc
	skip  int64 // bytes of the leg before the wanted ones
	got   int64 // bytes from the leg
	pause time.Duration
}

// New returns resp's body as a Body. It returns nil when the body cannot be continued:
// it is compressed, its length is unknown, or nothing identifies its version. The
// Body ends with ctx, the context of the player's request.
func New(ctx context.Context, resp *http.Response, src Source) *Body {
	is, part, ok := versionOf(resp)
	if !ok {
		return nil
	}
	return &Body{src: src, ctx: ctx, is: is, at: part.From, end: part.End, leg: resp.Body, drop: src.Cancel}
}

// Read implements io.Reader. It returns io.EOF only at the announced end.
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

// read reads from the present leg.
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

// resume begins the next leg. It tries for as long as the player may wait.
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

// next requests the remainder.
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

// take returns nil when resp brings the remainder, and sets the bytes to skip. Every
// other answer that does not prove a changed file is a temporary failure.
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

// Close ends the present leg.
func (b *Body) Close() {
	if b.leg != nil {
		b.drop(nil)
		_ = b.leg.Close()
		b.leg = nil
	}
}
