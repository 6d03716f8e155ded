package upstream

import (
	"context"
	"net/http"
	"sync/atomic"
)

// Errand is the context of one request that its sender gives away: the Transport may
// change the request and its header, which saves copies of both. It is used once.
type Errand struct {
	context.Context
	twice bool
	given bool
	use
}

// NewErrand returns the context of a request. twice says whether the request may be sent
// twice, whatever its method: some GETs of the server change something, and some POSTs
// only read.
func NewErrand(ctx context.Context, twice bool) *Errand {
	return &Errand{Context: ctx, twice: twice, given: true}
}

// errandKey is the key of the *Errand in a request's context.
type errandKey struct{}

// Value implements context.Context.
func (e *Errand) Value(key any) any {
	if _, own := key.(errandKey); own {
		return e
	}
	return e.Context.Value(key)
}

func errandOf(ctx context.Context) *Errand {
	e, _ := ctx.Value(errandKey{}).(*Errand)
	return e
}

// use is what a request may do with connections, and what it did.
type use struct {
	ready  bool // it may take one that has waited for it: it may be sent twice
	dialed atomic.Bool
}

// mayRepeat reports whether a request may be sent twice.
func (e *Errand) mayRepeat(r *http.Request) bool {
	return e.twice && (isSafe(r.Method) || r.Body == nil || r.Body == http.NoBody || r.GetBody != nil)
}

// isSafe reports whether a method may be sent twice (RFC 9110, 9.2.1).
func isSafe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}
