package budget

import (
	"context"
	"errors"
	"net/http/httptrace"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/failpoint"
	"shelfkeeper/daemon/redact"
)

// RequestDeadline bounds one request that the limiter counts. It is long, since
// giving up on an answer may cost the session.
const RequestDeadline = 60 * time.Second

// Ask makes one request that the limiter counts.
type Ask func(context.Context, *absapi.Client) (absapi.Answer, error)

// Ready returns the client for a request that is counted by now. Counting is a
// durable write, and a slow disk may need longer for it than an idle connection
// lives.
type Ready func(context.Context) (*absapi.Client, error)

// With is for a client that is ready at any time.
func With(c *absapi.Client) Ready {
	return func(context.Context) (*absapi.Client, error) { return c, nil }
}

// SpendInTurn is Spend for a request whose answer may bring tokens.
func SpendInTurn(ctx context.Context, b *Budget, ready Ready, ask Ask) (absapi.Answer, *absapi.Error) {
	answer, failure, learn := SpendFirst(ctx, b, ready, ask)
	learn()
	return answer, failure
}

// SpendFirst is SpendInTurn for an answer that has to become durable before
// anything else is written. learn lets the budget learn from it, and is called once
// that is done.
func SpendFirst(ctx context.Context, b *Budget, ready Ready, ask Ask) (answer absapi.Answer, failure *absapi.Error, learn func()) {
	leave, err := b.Turn(ctx)
	if err != nil {
		return absapi.Answer{}, unsent("wait for another account", err), func() {}
	}
	answer, failure, spent := spend(ctx, b, ready, ask)
	leave(failure == nil || !bringsNothing(failure))
	if failure != nil {
		return answer, failure, spent
	}
	return answer, nil, func() {
		spent()
		b.Released(time.Now(), answer.ServerVersion)
	}
}

// bringsNothing reports whether the server has surely issued no token. What
// follows a refusal, such as the sign-in that brings the session back, then need
// not wait.
func bringsNothing(e *absapi.Error) bool { return e.Unwritten || e.Verdict.IsRejection() }

func unsent(op string, err error) *absapi.Error {
	remedy := durable.Remedy(err)
	if errors.Is(err, ErrNewer) {
		remedy = "start the newer version; nothing was changed"
	}
	return &absapi.Error{Op: op, Verdict: absapi.Temporary, Unwritten: true, Evidence: redact.Text(err.Error()), Remedy: remedy, Err: err}
}

// Counting is the Op of a failure to count a request, which was not made then. It says
// nothing of the server.
const Counting = "count the request"

// Spend makes one request within the budget, and lets the budget learn from
// the answer.
func Spend(ctx context.Context, b *Budget, ready Ready, ask Ask) (absapi.Answer, *absapi.Error) {
	answer, failure, learn := spend(ctx, b, ready, ask)
	learn()
	return answer, failure
}

func spend(ctx context.Context, b *Budget, ready Ready, ask Ask) (_ absapi.Answer, _ *absapi.Error, learn func()) {
	learn = func() {}
	taken, wait, err := b.take(time.Now())
	if err != nil {
		return absapi.Answer{}, unsent(Counting, err), learn
	}
	if wait > 0 {
		return absapi.Answer{}, OverBudget(wait), learn
	}
	c, err := ready(ctx)
	if err != nil {
		failure := *absapi.AsError(err)
		failure.Unwritten = true
		return absapi.Answer{}, &failure, learn
	}
	ctx, cancel := context.WithTimeout(ctx, RequestDeadline)
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
		failure := absapi.AsError(err)
		if b.returning && failure.Unwritten {
			b.giveBack(time.Now(), taken)
		}
		b.Learn(time.Now(), failure.Meta, failure.Status != 0 && !failure.Unwritten)
		if failure.Verdict == absapi.RateLimited && !failure.Unwritten && !failure.Meta.Limit.Present && failure.RetryAfter > 0 {
			b.Block(time.Now(), failure.RetryAfter) // for the server's other accounts, too
		}
		return absapi.Answer{}, failure, learn
	}
	return answer, nil, func() {
		b.Learn(time.Now(), answer.Meta, true)
		b.Recognise(time.Now(), answer.UserID, answer.LibraryID)
	}
}

// OverBudget is the failure of a request that has to wait for our own budget.
func OverBudget(wait time.Duration) *absapi.Error {
	return &absapi.Error{Op: "renew session", Verdict: absapi.RateLimited, Unwritten: true, RetryAfter: wait,
		Evidence: "our share of the server's sign-in limit is used up"}
}
