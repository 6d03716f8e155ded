package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/stream"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
)

// questionWait bounds a question of our own, with all that it is held for.
const questionWait = time.Minute

// question asks the server as a player's request would be asked: held in a
// temporary failure, repeated and bounded likewise. It returns the answer's status and
// its body, JSON without a token in it.
func (s *Server) question(ctx context.Context, q answers.Question) (int, []byte, *refusal.Refusal) {
	ctx, cancel := context.WithTimeout(ctx, questionWait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, q.Method, q.Path, nil)
	if err != nil {
		return 0, nil, refusal.Temporary.Because(err.Error())
	}
	r.URL.RawQuery = q.Query
	c := &call{server: s, r: r, path: q.Path, raw: q.Path, needs: bearer(q.WithToken), extra: q.Header}
	h := s.newHold(c, &body{})
	for {
		status, raw, no := s.questionOnce(ctx, c, q.Limit)
		if no == nil || ctx.Err() != nil || !h.Again(ctx, no) {
			return status, raw, no
		}
	}
}

func (s *Server) questionOnce(ctx context.Context, c *call, limit int64) (int, []byte, *refusal.Refusal) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	x := &exchange{cut: cut{cancel}, watchdog: s.broadcast.NewWatchdog()}
	defer x.watchdog.Over()
	x.watchdog.Watch(cancel)
	if no := s.fetch(ctx, x, c, &body{}); no != nil {
		return 0, nil, no
	}
	defer x.resp.Body.Close()
	blank := tokenfilter.JSON(x.resp.Body, func(tokenfilter.Claims) []byte { return nil })
	known := func() []redact.Secret { _, k := s.cfg.Identity(); return k }
	raw, err := io.ReadAll(io.LimitReader(tokenfilter.Guard(blank, known, func() { s.withheld(c) }), limit+1))
	switch status := x.resp.StatusCode; {
	case err != nil:
		return 0, nil, stream.Unreached(err)
	case int64(len(raw)) > limit:
		return 0, nil, refusal.Temporary.Because(fmt.Sprintf("its answer is larger than %d bytes", limit))
	case status/100 == 3:
		return 0, nil, refusal.Elsewhere
	default:
		return status, raw, nil
	}
}
