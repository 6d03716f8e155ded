package proxy

import (
	"context"
	"io"
	"net/http"

	"shelfkeeper/daemon/upstream"
)

const (
	// warmMost is how many connections are opened ahead at a time: a program that
	// starts asks for some things at once.
	warmMost = 6
	// warmBody bounds what is read of an answer that nobody needs.
	warmBody = 4096
)

// readiness is what Tokens may tell beforehand.
type readiness interface {
	// Ready reports whether a token would come at once.
	Ready() bool
}

// warm opens a connection to the server if c has to wait for its token, and leaves
// it idle for c: otherwise dialling would begin when the token is there. A question
// that needs no token opens it. What goes wrong is the request's to find out.
func (s *Server) warm(ctx context.Context, c *call) {
	tokens, tells := s.cfg.Tokens.(readiness)
	if m := c.r.Method; m != http.MethodGet && m != http.MethodHead || !tells || tokens.Ready() {
		return // unsafe requests take no idle connection
	}
	if s.warming.Add(1) > warmMost || !s.enter() {
		s.warming.Add(-1)
		return
	}
	go func() {
		defer s.handlers.Done()
		defer s.warming.Add(-1)
		ctx, cancel := context.WithTimeout(ctx, tokenWait)
		defer cancel()
		r, err := http.NewRequestWithContext(upstream.NewErrand(ctx, true), http.MethodGet, s.cfg.Base.JoinPath("ping").String(), nil)
		if err != nil {
			return
		}
		resp, err := s.cfg.Transport.RoundTrip(r)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, warmBody)) // read to its end, it leaves its connection idle
	}()
}
