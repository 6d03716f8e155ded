package home

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
)

// accountNamed returns the account of that name; an empty one means the only one.
func (h *Home) accountNamed(name string) (accounts.Account, error) {
	a, ok := h.Book.Get(name)
	if name == "" {
		all := h.Book.All()
		if ok = len(all) == 1; ok {
			a = all[0]
		}
	}
	if !ok {
		return accounts.Account{}, NoSuchAccount(h.Book, name)
	}
	return a, nil
}

// Players lists the grants of an account, or of all for "".
func (h *Home) Players(_ context.Context, account string) ([]control.Player, error) {
	if account != "" {
		a, err := h.accountNamed(account)
		if err != nil {
			return nil, err
		}
		account = a.Name
	}
	list := []control.Player{}
	for _, g := range h.Grants.List(account) {
		list = append(list, control.Player{
			ID: g.ID, Account: h.Shown(g.Account), Name: g.Name, Kind: string(g.Kind), Scope: string(g.Scope), Created: g.Created,
			LastUsed: g.LastUsed, Origins: g.Origins,
		})
	}
	return list, nil
}

// AddPlayer makes a grant and returns its secret, which is not kept.
func (h *Home) AddPlayer(_ context.Context, account, name, scope string) (control.NewPlayer, error) {
	a, err := h.accountNamed(account)
	if err != nil {
		return control.NewPlayer{}, err
	}
	s, err := players.ParseScope(scope)
	if err != nil {
		return control.NewPlayer{}, problem.New(problem.Usage, err, "")
	}
	if err := players.CheckName(name); err != nil {
		return control.NewPlayer{}, problem.New(problem.Usage, err, "")
	}
	secret, err := h.Grants.Add(a.Name, name, s)
	switch {
	case errors.Is(err, players.ErrExists):
		return control.NewPlayer{}, problem.Newf(problem.Usage,
			fmt.Sprintf("choose another name, or take that one away first: `shelfkeeper players revoke %q --account %s`", name, a.Name),
			"account %s has a player called %q already", a.Name, name)
	case err != nil:
		return control.NewPlayer{}, StateProblem(err)
	}
	return control.NewPlayer{Secret: secret, Account: a.Shown(), ProxyURL: h.WithPort(a).ProxyURL()}, nil
}

// TrustPlayer lets programs of an origin come in with a grant.
func (h *Home) TrustPlayer(_ context.Context, account, player, origin string) error {
	a, err := h.accountNamed(account)
	if err != nil {
		return err
	}
	lower := strings.ToLower(origin)
	if err := config.CheckOrigin(lower); err != nil {
		return problem.New(problem.Usage, fmt.Errorf("%q %w", origin, err), "")
	}
	switch err := h.Grants.Trust(a.Name, player, lower); {
	case errors.Is(err, players.ErrNotFound):
		return problem.Newf(problem.Usage, "see `shelfkeeper players list`", "account %s has no player called %q with a secret",
			a.Name, player)
	case err != nil:
		return StateProblem(err)
	}
	return nil
}

// RevokePlayer takes a grant away, by its name or id.
func (h *Home) RevokePlayer(_ context.Context, account, player string) error {
	a, err := h.accountNamed(account)
	if err != nil {
		return err
	}
	switch err := h.Grants.Revoke(a.Name, player); {
	case errors.Is(err, players.ErrNotFound):
		return problem.Newf(problem.Usage, "see `shelfkeeper players list`", "account %s has no player called %q", a.Name, player)
	case err != nil:
		return StateProblem(err)
	}
	return nil
}
