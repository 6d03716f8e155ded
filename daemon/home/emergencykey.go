package home

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/session"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/keychain"
)

const day = 24 * time.Hour

// KeepEmergencyKeyOf makes an API key that ends after so many days, and keeps it for the
// account of a running session. Only admins who sign in through OpenID have use for one.
func (h *Home) KeepEmergencyKeyOf(ctx context.Context, s *session.Session, a accounts.Account,
	days int) (view control.EmergencyKeyView, err error) {
	view.Account = a.Name
	switch {
	case days < 1 || days > control.EmergencyKeyMostDays:
		return view, problem.Newf(problem.Usage, "", "an emergency key lasts 1 to %d days, not %d", control.EmergencyKeyMostDays, days)
	case a.Method != accounts.OIDC:
		return view, problem.Newf(problem.Usage, "let Shelfkeeper keep the password: `shelfkeeper login`",
			"an emergency key is for accounts that sign in through OpenID, and %s does not", a.Name)
	case !absapi.SupportsRefresh(a.ServerVersion):
		return view, problem.Newf(problem.Usage, "", "the token of Audiobookshelf %s never ends: no key is needed", a.ServerVersion)
	}
	in, done, err := h.emergencyKey(ctx, s, a)
	if err != nil {
		return view, err
	}
	defer done()
	if in.Access, err = s.Token(ctx); err != nil {
		return view, sessionProblem(err)
	}
	in.Name, in.Life = keyName(), time.Duration(days)*day
	key, err := in.Keep(ctx)
	if errors.Is(err, signin.ErrKeyLeft) {
		view.Notes, err = append(view.Notes, "the key that was kept before: "+err.Error()), nil
	}
	if err != nil {
		return view, keyProblem(err)
	}
	view.EndsAt = key.ExpiresAt
	s.Reload()
	return view, nil
}

// DropEmergencyKeyOf forgets the key and removes it at the server.
func (h *Home) DropEmergencyKeyOf(ctx context.Context, s *session.Session, a accounts.Account) (view control.EmergencyKeyView, err error) {
	view.Account = a.Name
	in, done, err := h.emergencyKey(ctx, s, a)
	if err != nil {
		return view, err
	}
	defer done()
	in.Access, _ = s.Token(ctx) // the key may remove itself
	err = in.Drop(ctx)
	if errors.Is(err, signin.ErrKeyLeft) {
		view.Notes, err = append(view.Notes, err.Error()), nil
	}
	if err != nil {
		return view, keyProblem(err)
	}
	s.Reload()
	return view, nil
}

// KeepEmergencyKey is KeepEmergencyKeyOf for an account without a running session.
func (h *Home) KeepEmergencyKey(ctx context.Context, account string, days int) (view control.EmergencyKeyView, err error) {
	err = h.withSession(ctx, account, func(s *session.Session, a accounts.Account) error {
		view, err = h.KeepEmergencyKeyOf(ctx, s, a, days)
		return err
	})
	return view, err
}

// DropEmergencyKey is DropEmergencyKeyOf for an account without a running session.
func (h *Home) DropEmergencyKey(ctx context.Context, account string) (view control.EmergencyKeyView, err error) {
	err = h.withSession(ctx, account, func(s *session.Session, a accounts.Account) error {
		view, err = h.DropEmergencyKeyOf(ctx, s, a)
		return err
	})
	return view, err
}

// emergencyKey is what both acts have in common.
func (h *Home) emergencyKey(ctx context.Context, s *session.Session, a accounts.Account) (in signin.EmergencyKey, done func(), err error) {
	vault, err := h.openVault(ctx, "")
	if err != nil {
		return in, nil, vaultProblem(err)
	}
	conn := s.Connect()
	return signin.EmergencyKey{Account: a.Name, Server: s.Base.String(), UserID: a.UserID, Vault: vault, Client: absapi.New(conn, s.Base)},
		conn.Close, nil
}

// keyName is how the server's admins see the key.
func keyName() string {
	const most = 30 // letters of a machine's name
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "Shelfkeeper emergency key"
	}
	return fmt.Sprintf("Shelfkeeper emergency key (%s)", host[:min(len(host), most)])
}

// keyProblem explains why no key is kept, or none dropped.
func keyProblem(err error) error {
	var answer *absapi.Error
	var inVault *signin.VaultError
	var size *keychain.SizeError
	switch {
	case errors.Is(err, signin.ErrNoKey):
		return problem.New(problem.Usage, err, "")
	case errors.Is(err, signin.ErrNoSession):
		return problem.New(problem.NeedsUser, err, "sign in first: `shelfkeeper reauth`")
	case errors.As(err, &size):
		return problem.New(problem.Vault, err, "a spare session does the same: `shelfkeeper reauth` makes one where it is missing")
	case errors.As(err, &inVault):
		return vaultProblem(inVault.Err)
	case errors.As(err, &answer) && answer.Verdict == absapi.BadRequest:
		return problem.New(problem.Rejected, err, "the spare session has to do; `shelfkeeper reauth` makes one where it is missing")
	}
	return serverProblem(err)
}
