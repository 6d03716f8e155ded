package session

import (
	"context"
	"errors"
	"net/http/httptrace"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/failpoint"
	"shelfkeeper/daemon/redact"
)

// auth makes one request that the server's limiter counts.
func (s *Session) auth(ctx context.Context, ask func(context.Context, *absapi.Client) (absapi.Answer, error)) (absapi.Answer, *absapi.Error) {
	return spendApart(ctx, s.Budget, absapi.New(s.conn(), s.Base), ask)
}

// conn returns the attempt's connection, or another one where a wake-up has
// given that up.
func (s *Session) conn() Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.attempt.conn == nil {
		s.attempt.conn = s.Connect()
	}
	return s.attempt.conn
}

// spendApart is spend for a request whose answer may bring tokens.
func spendApart(ctx context.Context, b *Budget, c *absapi.Client, ask func(context.Context, *absapi.Client) (absapi.Answer, error)) (absapi.Answer, *absapi.Error) {
	leave, err := b.Turn(ctx)
	if err != nil {
		return absapi.Answer{}, &absapi.Error{Op: "wait for another account", Verdict: absapi.Temporary, Unwritten: true, Evidence: err.Error(), Err: err}
	}
	answer, failure := spend(ctx, b, c, ask)
	leave(failure == nil || !bringsNothing(failure))
	if failure == nil {
		b.Released(time.Now(), answer.ServerVersion)
	}
	return answer, failure
}

// bringsNothing reports whether the server has surely issued no token. What
// follows a refusal, such as the sign-in that brings the session back, then need
// not wait.
func bringsNothing(e *absapi.Error) bool { return e.Unwritten || e.Verdict.IsRejection() }

// spend makes one request within the budget, and lets the budget learn from
// the answer.
func spend(ctx context.Context, b *Budget, c *absapi.Client, ask func(context.Context, *absapi.Client) (absapi.Answer, error)) (absapi.Answer, *absapi.Error) {
	wait, err := b.Take(time.Now())
	if err != nil {
		return absapi.Answer{}, &absapi.Error{Op: "count the request", Verdict: absapi.Temporary, Unwritten: true, Evidence: err.Error(), Err: err}
	}
	if wait > 0 {
		return absapi.Answer{}, overBudget(wait)
	}
	ctx, cancel := context.WithTimeout(ctx, authDeadline)
	defer cancel()
	if failpoint.Enabled {
		failpoint.Reached("request-counted")
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			// net/http says so before it has emptied its buffer.
			WroteRequest:         func(httptrace.WroteRequestInfo) { failpoint.Reached("request-ready") },
			GotFirstResponseByte: func() { failpoint.Reached("answer-begun") },
		})
	}
	answer, err := ask(ctx, c)
	failpoint.Reached("answered")
	if err != nil {
		failure := asError(err)
		b.Learn(time.Now(), failure.Meta, failure.Status != 0 && !failure.Unwritten)
		if failure.Verdict == absapi.RateLimited && !failure.Meta.Limit.Present && failure.RetryAfter > 0 {
			b.Hold(time.Now(), failure.RetryAfter) // for the server's other accounts, too
		}
		return absapi.Answer{}, failure
	}
	b.Learn(time.Now(), answer.Meta, true)
	b.Recognise(time.Now(), answer.UserID, answer.LibraryID)
	return answer, nil
}

// login signs in as the server's release has it.
func login(ctx context.Context, c *absapi.Client, e Login) (absapi.Answer, error) {
	if e.Legacy {
		status, err := c.Status(ctx)
		if err != nil {
			return absapi.Answer{}, err
		}
		if !absapi.SupportsRefresh(status.Version) {
			return c.LoginLegacy(ctx, e.Username, e.Password)
		}
	}
	return c.Login(ctx, e.Username, e.Password)
}

func overBudget(wait time.Duration) *absapi.Error {
	return &absapi.Error{Op: "renew session", Verdict: absapi.RateLimited, Unwritten: true, RetryAfter: wait,
		Evidence: "our share of the server's sign-in limit is used up"}
}

func asError(err error) *absapi.Error {
	var e *absapi.Error
	if errors.As(err, &e) {
		return e
	}
	return &absapi.Error{Op: "ask the server", Verdict: absapi.Temporary, Evidence: redact.Text(err.Error()), Err: err}
}
