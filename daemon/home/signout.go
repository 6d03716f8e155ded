package home

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/session"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/keychain"
)

// EndSession ends s and forgets the account. told is a problem that did not
// keep the user from signing out: the server could not be told, or the keychain
// could not be cleaned yet.
func (h *Home) EndSession(ctx context.Context, s *session.Session, account string) (told, err error) {
	err = s.SignOut(ctx)
	switch {
	case errors.Is(err, keychain.ErrSlotPending):
		told = problem.New(problem.Vault, err, "you need not sign out again: the daemon removes what is left once the keychain answers")
	case errors.Is(err, signin.ErrKeyLeft):
		told = problem.New(problem.Unreachable, err, "delete the key on the server, under Settings, API Keys")
	case errors.Is(err, signin.ErrNotToldServer):
		var a health.Account
		s.Fill(&a)
		told = problem.New(problem.Unreachable, err, leftOnServer(a.ServerVersion))
	case err != nil:
		return nil, vaultProblem(err)
	}
	if err := h.forgetPlayers(ctx, account); err != nil {
		return nil, StateProblem(err)
	}
	h.forgetSettings(account)
	h.forgetVisitors(account)
	if err := h.forgetHistory(ctx, account); err != nil {
		return nil, StateProblem(err)
	}
	if err := h.forgetGateway(ctx, account); err != nil {
		return nil, err
	}
	if err := h.Book.Remove(ctx, account); err != nil && !errors.Is(err, accounts.ErrNotFound) {
		return nil, StateProblem(err)
	}
	return told, nil
}

// unlock lets the keychain ask for its password, since the user asked for
// something. A session that is reading the vault already does so without a
// prompt, and would take a locked one for its answer.
func (h *Home) unlock(ctx context.Context) error {
	vault, err := h.openVault(ctx, "")
	if err == nil {
		err = vault.Unlock(keychain.WithPrompt(ctx))
	}
	if err != nil {
		return vaultProblem(err)
	}
	return nil
}

// withSession runs act on a session of the account in this process, for a
// command that found no daemon.
func (h *Home) withSession(ctx context.Context, name string, act func(*session.Session, accounts.Account) error) error {
	if err := h.Book.Reload(); err != nil {
		return StateProblem(err)
	}
	a, ok := h.Book.Get(name)
	if name == "" {
		a, ok = h.Book.Default()
	}
	if !ok {
		return NoSuchAccount(h.Book, name)
	}
	base, err := url.Parse(a.Server)
	if err != nil {
		return StateProblem(err)
	}
	if err := h.unlock(ctx); err != nil {
		return err
	}
	up, err := h.reach(a.Name, base, true)
	if err != nil {
		return serverProblem(err)
	}
	defer up.Close()
	c := h.SessionConfig(a, up)
	c.Board = health.NewBoard()
	s := session.New(c)
	s.Start()
	defer s.Close()
	return act(s, a)
}

// SignOut ends the account's session on both sides and forgets the account.
func (h *Home) SignOut(ctx context.Context, account string) error {
	defer h.ReleaseEmptyVault(context.WithoutCancel(ctx))
	return h.withSession(ctx, account, func(s *session.Session, a accounts.Account) error {
		told, err := h.EndSession(ctx, s, a.Name)
		if err != nil {
			return err
		}
		return h.AfterSignOut(a, told)
	})
}

// Renew renews a running session now, since the user asked for it. sameServer is
// the user's word that the account's own server answers.
func (h *Home) Renew(ctx context.Context, s *session.Session, sameServer bool) error {
	if err := h.unlock(ctx); err != nil {
		return err
	}
	return renew(ctx, s, sameServer)
}

func renew(ctx context.Context, s *session.Session, sameServer bool) error {
	if err := s.Reauthenticate(keychain.WithPrompt(ctx), sameServer); err != nil {
		p := *sessionProblem(err)
		p.Remedy = health.For(s.Account, p.Remedy)
		return &p
	}
	return nil
}

// Reauthenticate renews the session of an account now.
func (h *Home) Reauthenticate(ctx context.Context, account string) error {
	return h.withSession(ctx, account, func(s *session.Session, _ accounts.Account) error {
		return renew(ctx, s, false)
	})
}

// ReauthenticateSameServer is Reauthenticate with the user's word that the
// account's own server answers at its address.
func (h *Home) ReauthenticateSameServer(ctx context.Context, account string) error {
	return h.withSession(ctx, account, func(s *session.Session, _ accounts.Account) error {
		return renew(ctx, s, true)
	})
}

// NoSuchAccount says which accounts there are instead.
func NoSuchAccount(book *accounts.Book, name string) error {
	var names []string
	for _, a := range book.All() {
		names = append(names, a.Shown())
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return problem.Newf(problem.NeedsUser, "run `shelfkeeper login URL`", "no account yet")
	case name == "":
		return problem.Newf(problem.Usage, "name one with --account: "+strings.Join(names, ", "), "there are %d accounts", len(names))
	}
	return problem.New(problem.Usage, fmt.Errorf("no account is called %q", name), "there are: "+strings.Join(names, ", "))
}
