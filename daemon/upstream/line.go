package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A line is an HTTP/1.1 connection on which the goroutine that asks also writes and
// reads. net/http has two goroutines for each connection. A small request then waits
// four times until another goroutine has begun to run, which costs more than all else
// that happens here.
//
// Only a request without a body that may be sent twice takes a line: it is written as a
// whole before anything is read, and when a line that had rested fails it, it is asked
// once more over a new one. Everything else goes through net/http.

// lineBuffer is the size of a line's buffers: net/http takes as much.
const lineBuffer = 4 << 10

// line is one of them. It belongs to whoever has taken it.
type line struct {
	conn  net.Conn // speaks HTTP
	below *tracked
	in    *bufio.Reader
	room  int64 // how much the head of an answer may still take
	fresh bool  // nothing was asked on it yet, and it has not waited
	cut   func()

	still   *stillness
	records *recordConn // nil: no TLS
	asked   bool        // something was

	rested  time.Time     // since when; guarded by lines.mu
	watched chan struct{} // closed when nobody watches any more; nil: nobody does
}

func newLine(conn net.Conn, below *tracked, fresh bool) *line {
	l := &line{conn: conn, below: below, fresh: fresh, records: recordsBelow(conn), still: newStillness(below)}
	l.in = bufio.NewReaderSize(lineReader{l}, lineBuffer)
	l.cut = func() { _ = below.Close() }
	return l
}

// lineReader reads what comes over a line.
type lineReader struct{ *line }

// errLongHead is the end of an answer with too large a head, as with net/http.
var errLongHead = fmt.Errorf("net/http: server response headers exceeded %d bytes; aborted", maxHeader)

// unbounded is the room for all but the head.
const unbounded = 1 << 62

// Read implements io.Reader.
func (l lineReader) Read(b []byte) (int, error) {
	if l.room <= 0 {
		return 0, errLongHead
	}
	n, err := l.conn.Read(b[:min(int64(len(b)), l.room)])
	if l.room < unbounded {
		l.room -= int64(n)
	}
	return n, err
}

var lineWriters = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, lineBuffer) }}

// ask writes a request and reads the head of the answer.
func (l *line) ask(r *http.Request) (*http.Response, error) {
	out := lineWriters.Get().(*bufio.Writer)
	out.Reset(l.conn)
	err := r.Write(out)
	if err == nil {
		err = out.Flush()
	}
	out.Reset(nil)
	lineWriters.Put(out)
	if err != nil {
		return nil, err
	}
	l.room = maxHeader
	defer func() { l.room = unbounded }()
	if _, err := l.in.Peek(1); err != nil {
		return nil, err
	}
	for {
		resp, err := http.ReadResponse(l.in, r)
		switch {
		case err != nil && l.room <= 0:
			return nil, errLongHead
		case err != nil:
			return nil, fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", err)
		case resp.StatusCode/100 == 1 && resp.StatusCode != http.StatusSwitchingProtocols:
			continue // an answer before the answer
		}
		return resp, nil
	}
}

// onLine sends a request over a line. stale reports whether it failed on one that had
// rested: the other side may have closed it at that very moment.
func (p *pool) onLine(r *http.Request, e *Errand) (resp *http.Response, err error, stale bool) {
	ctx := r.Context()
	l, err := p.lines.take(ctx, p.openLine)
	if err != nil {
		return nil, err, false
	}
	stale = !l.fresh
	l.fresh, l.asked = false, true
	stop := context.AfterFunc(ctx, l.cut)
	resp, err = l.ask(r)
	if err != nil {
		stop()
		l.close()
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause, false
		}
		return nil, err, stale
	}
	body := &lineBody{lines: &p.lines, line: l, stop: stop, ctx: ctx, src: resp.Body, keeps: !resp.Close}
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		_ = body.Close() // nobody asked for it
	case resp.Body == http.NoBody:
		body.finish()
	default:
		resp.Body = body
	}
	return resp, nil, false
}

// lineBody is the body of an answer on a line. It gives the line back at its end.
type lineBody struct {
	lines *lines
	line  *line
	stop  func() bool
	ctx   context.Context
	src   io.Reader
	keeps bool // the other side keeps the connection
	over  atomic.Bool
	ended bool // it was read to its end
}

// Read returns what is here, several records at once. It waits for the first alone.
func (b *lineBody) Read(p []byte) (n int, err error) {
	switch {
	case b.ended:
		return 0, io.EOF
	case b.over.Load():
		return 0, http.ErrBodyReadAfterClose
	}
	if b.line.records != nil {
		b.line.records.asked(len(p))
	}
	for {
		m, err := b.src.Read(p[n:])
		n += m
		if err == nil && m > 0 && b.line.records != nil && b.line.records.atHand(len(p)-n) {
			continue
		}
		switch {
		case err == io.EOF:
			b.ended = true
			b.finish()
		case err != nil:
			_ = b.Close()
			if cause := context.Cause(b.ctx); cause != nil {
				err = cause
			}
		}
		return n, err
	}
}

// finish gives the line back.
func (b *lineBody) finish() {
	if b.over.Swap(true) {
		return
	}
	if !b.stop() || !b.keeps || b.line.leftOver() {
		b.line.close()
		return
	}
	b.lines.put(b.line)
}

// Close ends an answer of which nobody wants the rest, also while it is read.
func (b *lineBody) Close() error {
	if !b.over.Swap(true) {
		b.stop()
		b.line.cut()
	}
	return nil
}

// leftOver reports whether more was read than the answer: nobody asked for it, and it
// would be taken for the next answer.
func (l *line) leftOver() bool {
	if l.in.Buffered() > 0 || l.records == nil {
		return l.in.Buffered() > 0
	}
	if l.records.begun() {
		return true
	}
	// crypto/tls may hold bytes that it has deciphered. It is asked for one while the
	// connection says that it has none now.
	l.records.hush(true)
	defer l.records.hush(false)
	_, err := l.in.Peek(1)
	return !errors.Is(err, errHushed)
}

// errHushed is what a connection says that nobody is to read from.
var errHushed error = hushedError{}

type hushedError struct{}

func (hushedError) Error() string   { return "nothing is read now" }
func (hushedError) Timeout() bool   { return true }
func (hushedError) Temporary() bool { return true }

// silent reports whether the line is open, and nothing has come that nobody asked for.
func (l *line) silent() bool {
	return !l.asked || (l.records == nil || !l.records.begun()) && l.still.nothingCame()
}

// close closes a line that nobody reads from.
func (l *line) close() { _ = l.conn.Close() }

// takesLine reports whether a request may go over a line.
func (p *pool) takesLine(r *http.Request, e *Errand) bool {
	return canWatchReady && p.ready != nil && p.upstream.policy.Dial == nil && e.given && e.ready &&
		(r.Body == nil || r.Body == http.NoBody) &&
		(r.Method == http.MethodGet || r.Method == http.MethodHead) && !p.multiplexed.Load() && !p.h2.Load()
}

// errChoseHTTP2 says that a new connection is none for a line.
var errChoseHTTP2 = errors.New("the server chose HTTP/2")

// openLine opens a line, or takes a connection that is ready.
func (p *pool) openLine(ctx context.Context) (*line, error) {
	addr := hostPort(p.to)
	if p.to.Scheme == "http" {
		conn, err := p.dial(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		below, ok := conn.(*tracked)
		if !ok {
			_ = conn.Close()
			return nil, fmt.Errorf("%T cannot be used", conn)
		}
		return newLine(conn, below, errandOf(ctx).dialed.Load()), nil
	}
	conn, err := p.dialTLS(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	over, ok := conn.(*tls.Conn)
	below := trackedBelow(over)
	if !ok || below == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%T cannot be used", conn)
	}
	if over.ConnectionState().NegotiatedProtocol == "h2" {
		p.ready.add(conn, below) // net/http takes it next
		return nil, errChoseHTTP2
	}
	return newLine(conn, below, errandOf(ctx).dialed.Load()), nil
}

// trackedBelow returns the connection below TLS, nil where it is none of ours.
func trackedBelow(over *tls.Conn) *tracked {
	if over == nil {
		return nil
	}
	switch c := over.NetConn().(type) {
	case *tracked:
		return c
	case *recordConn:
		return c.below()
	}
	return nil
}

// recordsBelow returns what reads the records of a connection; nil where nothing does.
func recordsBelow(conn net.Conn) *recordConn {
	if over, ok := conn.(*tls.Conn); ok {
		c, _ := over.NetConn().(*recordConn)
		return c
	}
	return nil
}
