package home

import (
	"context"
	"errors"
	"fmt"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
	"shelfkeeper/keychain"
)

// ChangePasswordOf changes the password of an account that has a running
// session, on its server and in the vault where it is stored. Its error is a
// *problem.Problem.
func (h *Home) ChangePasswordOf(ctx context.Context, s *session.Session, a accounts.Account, old, changed redact.Secret) error {
	return changeProblem(a, old, changed, s.ChangePassword(ctx, old, changed))
}

// ChangePassword is ChangePasswordOf for an account without a running session.
func (h *Home) ChangePassword(ctx context.Context, account string, old, changed redact.Secret) error {
	return h.withSession(ctx, account, func(s *session.Session, a accounts.Account) error {
		return h.ChangePasswordOf(ctx, s, a, old, changed)
	})
}

func changeProblem(a accounts.Account, old, changed redact.Secret, err error) error {
	var refusal *absapi.Error
	var u *session.Unavailable
	switch {
	case err == nil:
		return nil
	case errors.Is(err, session.ErrChangeUnknown):
		return problem.New(problem.Unreachable, err, "see `shelfkeeper status` before trying again")
	case errors.Is(err, keychain.ErrTooLarge):
		return problem.New(problem.Usage, err, "choose a shorter password")
	case errors.As(err, &u):
		return problem.New(sessionProblem(u).Code, err, u.Remedy())
	case errors.As(err, &refusal) && refusal.Verdict == absapi.BadRequest && old.IsEmpty() && a.Method == accounts.OIDC:
		return problem.New(problem.Rejected, err, changeRemedy(a, old))
	case errors.As(err, &refusal) && refusal.Verdict == absapi.BadRequest && changed.IsEmpty():
		return problem.New(problem.Rejected, err, "choose a new password that is not empty, and give the present one as the server knows it")
	case errors.As(err, &refusal) && refusal.Verdict == absapi.BadRequest:
		return problem.New(problem.Rejected, err, "give the present password as the server knows it")
	case errors.As(err, &refusal):
		return problem.New(problem.Unreachable, err, "try again later")
	}
	return problem.New(problem.Usage, err, changeRemedy(a, old))
}

// changeRemedy is what helps where the request was not even sent.
func changeRemedy(a accounts.Account, old redact.Secret) string {
	switch {
	case a.Method == accounts.APIKey || a.Method == accounts.Legacy:
		return fmt.Sprintf("sign in with name and password first: `shelfkeeper login %s --username %s`", a.Server, a.Username)
	case !old.IsEmpty():
		return ""
	case a.Method == accounts.OIDC:
		return "change it at the provider; if the server has a password of yours, too, give that one"
	}
	return "give both passwords; they must differ"
}
