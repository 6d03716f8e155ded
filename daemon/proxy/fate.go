package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync/atomic"

	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/stream"
	"shelfkeeper/daemon/upstream"
)

// fate records whether the server may have begun to act on a request.
type fate struct{ written atomic.Bool }

// errand returns the context for one request, which says whether it may be sent twice.
// When the transport takes another connection because it provably wrote nothing on the
// first, the record begins anew. The fate of a request that may be sent twice does not
// matter.
func (f *fate) errand(ctx context.Context, c *call, b *body) context.Context {
	if !unsafe(c, b) {
		return upstream.NewErrand(ctx, b.stream == nil)
	}
	f.written.Store(false)
	return upstream.NewErrand(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { f.written.Store(false) },
		WroteHeaders: func() { f.written.Store(true) },
	}), false)
}

// lost returns the refusal for a request that got no answer. An unsafe request that
// may have been done is never recommended to be repeated.
func (f *fate) lost(c *call, b *body, err error) *refusal.Refusal {
	complete := true
	if b.stream != nil {
		var failed error
		complete, failed = b.stream.state()
		if failed != nil {
			return unreadBody(failed)
		}
	}
	if f.written.Load() && complete && unsafe(c, b) {
		return refusal.UnknownFate
	}
	return stream.Unreached(err)
}

// unreadBody returns the refusal for a request whose body could not be read.
func unreadBody(err error) *refusal.Refusal {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return refusal.SlowBody
	}
	return refusal.BadBody
}

// doubtful returns no, or the refusal for an unsafe request of which only the beginning
// of an answer came, or only the answer of a gateway that lost the server.
func doubtful(c *call, b *body, resp *http.Response, no *refusal.Refusal) *refusal.Refusal {
	if no == nil || no.Name != refusal.Temporary.Name || !unsafe(c, b) || resp.StatusCode == http.StatusServiceUnavailable {
		return no
	}
	return refusal.UnknownFate
}
