package daemon

import (
	"context"
	"errors"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
)

// ChangePassword changes the password of an account on its server, and in the
// vault where it is stored. Its error is a *problem.Problem.
func (d *Daemon) ChangePassword(ctx context.Context, account string, old, changed redact.Secret) error {
	desk, err := d.desk(account)
	if err != nil {
		return err
	}
	return changeProblem(desk.session.ChangePassword(ctx, old, changed))
}

// ChangePassword is Daemon.ChangePassword without a daemon.
func (h *Home) ChangePassword(ctx context.Context, account string, old, changed redact.Secret) error {
	return h.withSession(ctx, account, func(s *session.Session, _ accounts.Account) error {
		return changeProblem(s.ChangePassword(ctx, old, changed))
	})
}

func changeProblem(err error) error {
	var refusal *absapi.Error
	var u *session.Unavailable
	switch {
	case err == nil:
		return nil
	case errors.Is(err, session.ErrChangeUnknown):
		return problem.New(problem.Unreachable, err, "see `shelfkeeper status` before trying again")
	case errors.As(err, &u):
		return problem.New(sessionProblem(u).Code, err, u.Remedy())
	case errors.As(err, &refusal) && refusal.Verdict == absapi.BadRequest:
		return problem.New(problem.Rejected, err, "give the present password as the server knows it")
	case errors.As(err, &refusal):
		return problem.New(problem.Unreachable, err, "try again later")
	}
	return problem.New(problem.Usage, err, "")
}
