package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
)

// questionWait bounds a question of our own, with all that it is held for.
const questionWait = time.Minute

// question is what we ask the server for a player's sake, to answer by
// ourselves.
type question struct {
	method, path, query string
	needs               bearer
	header              http.Header // beside the usual
	limit               int64       // of the answer's bytes
}

// put asks the server as a player's request would be asked: held in bad
// weather, repeated and bounded likewise. It returns the answer's status and
// its body, JSON without a token in it.
func (s *Server) put(ctx context.Context, q question) (int, []byte, *refusal) {
	ctx, cancel := context.WithTimeout(ctx, questionWait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, q.method, q.path, nil)
	if err != nil {
		return 0, nil, weather.because(err.Error())
	}
	r.URL.RawQuery = q.query
	c := &call{server: s, r: r, path: q.path, raw: q.path, needs: q.needs, extra: q.header}
	h := s.newHold(c, &body{})
	for {
		status, raw, no := s.putOnce(ctx, c, q.limit)
		if no == nil || ctx.Err() != nil || !h.again(c, no) {
			return status, raw, no
		}
	}
}

func (s *Server) putOnce(ctx context.Context, c *call, limit int64) (int, []byte, *refusal) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	x := &exchange{cancel: cancel, vigil: s.wakes.newVigil()}
	defer x.vigil.over()
	x.vigil.watch(cancel)
	if no := s.fetch(ctx, x, c, &body{}); no != nil {
		return 0, nil, no
	}
	defer x.resp.Body.Close()
	blank := tokenfilter.JSON(x.resp.Body, func(tokenfilter.Claims) []byte { return nil })
	known := func() []redact.Secret { _, k := s.cfg.Identity(); return k }
	raw, err := io.ReadAll(io.LimitReader(tokenfilter.Guard(blank, known, func() { s.withheld(c) }), limit+1))
	switch status := x.resp.StatusCode; {
	case err != nil:
		return 0, nil, unreached(err)
	case int64(len(raw)) > limit:
		return 0, nil, weather.because(fmt.Sprintf("its answer is larger than %d bytes", limit))
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return 0, nil, weather.because("a gateway answered " + x.resp.Status)
	case status/100 == 3:
		return 0, nil, elsewhere
	default:
		return status, raw, nil
	}
}

// unexpected says that an answer of the server's is not understood.
func unexpected(status int) *refusal {
	return weather.because(fmt.Sprintf("it answered %d %s, and not what was asked for", status, http.StatusText(status)))
}
