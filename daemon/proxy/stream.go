package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// stream is the body of an answer that goes on where it broke off: it asks for
// the rest and gives it out as if nothing had happened. It is read from one
// goroutine and closed after.
type stream struct {
	server *Server
	call   *call
	vigil  *vigil
	is     version
	at     int64 // of the next byte, in the file
	end    int64

	body  io.ReadCloser // of the leg under way; nil: none
	drop  context.CancelCauseFunc
	skip  int64 // of the leg, before what is wanted
	got   int64 // from the leg
	pause time.Duration
}

// streamOf returns resp's body as a stream, or nil where it can not be
// continued: what is filtered, compressed, made while it is sent, or has
// nothing to know it by.
func (s *Server) streamOf(c *call, x *exchange) *stream {
	if c.r.Method != http.MethodGet || isFiltered(x.resp) {
		return nil
	}
	is, part, ok := versionOf(x.resp)
	if !ok {
		return nil
	}
	return &stream{server: s, call: c, vigil: x.vigil, is: is, at: part.from, end: part.end, body: x.resp.Body, drop: x.cancel}
}

// Read implements io.Reader. Its only good end is the end of what was promised.
func (b *stream) Read(p []byte) (int, error) {
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
		b.leave()
		if err := b.resume(began, err); err != nil {
			return 0, err
		}
	}
}

// read reads from the leg under way.
func (b *stream) read(p []byte) (int, error) {
	if b.body == nil {
		return 0, io.ErrUnexpectedEOF
	}
	for {
		b.vigil.begin(streamStall, wakeProbe, errStalled)
		into := p
		if b.skip > 0 {
			into = p[:min(int64(len(p)), b.skip)]
		}
		n, err := b.body.Read(into)
		b.vigil.end()
		switch {
		case b.skip > 0 && n > 0:
			b.skip -= int64(n)
		case n > 0 || err != nil:
			return n, err
		}
	}
}

// resume begins the next leg, for as long as the player may be kept waiting.
func (b *stream) resume(began time.Time, cause error) error {
	ctx := b.call.r.Context()
	for {
		left := streamPatience - time.Since(began)
		if left <= 0 {
			return fmt.Errorf("continue a stream: %w", cause)
		}
		if !b.server.wakes.pause(ctx, min(b.pause, left)) {
			return ctx.Err()
		}
		b.pause = min(max(firstPause, 2*b.pause), longestPause)
		err := b.next()
		if errors.Is(err, errMoved) {
			b.pause = 0
		}
		if err == nil {
			b.server.stats.resumed.Add(1)
			b.server.log.DebugContext(ctx, "stream continued", "reason", redact.Text(cause.Error()))
			return nil
		}
		if errors.Is(err, errChanged) || ctx.Err() != nil {
			return err
		}
		cause = err
	}
}

// next asks for the rest.
func (b *stream) next() error {
	ctx, drop := context.WithCancelCause(b.call.r.Context())
	b.vigil.watch(drop)
	b.vigil.begin(streamStall, wakeProbe, errStalled)
	resp, err := b.ask(ctx)
	b.vigil.end()
	if err == nil {
		if err = b.take(resp); err == nil {
			b.body, b.drop, b.got = resp.Body, drop, 0
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

// ask sends the request for the rest, twice when its token is refused.
func (b *stream) ask(ctx context.Context) (*http.Response, error) {
	s, c := b.server, b.call
	var refused redact.Secret
	for {
		var token redact.Secret
		var err error
		if c.needs == withBearer {
			if token, err = s.token(ctx, refused); err != nil {
				return nil, err
			}
		}
		resp, err := s.cfg.Transport.RoundTrip(c.rest(ctx, token.Reveal(), span{b.at, b.end}, b.is.condition()))
		if err != nil {
			return nil, err
		}
		switch {
		case resp.StatusCode == http.StatusUnauthorized && c.needs == withBearer && refused.IsEmpty() && isOwn401(http.MethodGet, resp):
			_ = resp.Body.Close()
			refused = token
		case resp.StatusCode == http.StatusNotFound && s.detour(c):
			_ = resp.Body.Close()
		default:
			return resp, nil
		}
	}
}

// take reports whether resp is the rest, and sets how much of it is to be
// skipped. Everything that is not surely another file is weather.
func (b *stream) take(resp *http.Response) error {
	weather := fmt.Errorf("the server answered %s", resp.Status)
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return errChanged
	default:
		return weather
	}
	is, part, ok := versionOf(resp)
	switch {
	case is.kind != b.is.kind, is.tag == "" && is.modified == "":
		return weather // a portal's page
	case !ok:
		return errChanged
	case !is.same(b.is), part.from > b.at, part.end <= b.at:
		return errChanged
	}
	b.skip = b.at - part.from
	return nil
}

// leave ends the leg under way.
func (b *stream) leave() {
	if b.body != nil {
		b.drop(nil)
		_ = b.body.Close()
		b.body = nil
	}
}
