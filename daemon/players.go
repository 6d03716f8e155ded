package daemon

import (
	"context"
	"errors"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
)

// chosen returns the account of that name; an empty one means the only one.
func (h *Home) chosen(name string) (accounts.Account, error) {
	a, ok := h.Book.Get(name)
	if name == "" {
		all := h.Book.All()
		if ok = len(all) == 1; ok {
			a = all[0]
		}
	}
	if !ok {
		return accounts.Account{}, noSuchAccount(h.Book, name)
	}
	return a, nil
}

// Players lists the grants of an account, or of all for "".
func (h *Home) Players(_ context.Context, account string) ([]control.Player, error) {
	if account != "" {
		if _, err := h.chosen(account); err != nil {
			return nil, err
		}
	}
	list := []control.Player{}
	for _, g := range h.Grants.List(account) {
		list = append(list, control.Player{
			ID: g.ID, Account: g.Account, Name: g.Name, Kind: string(g.Kind), Scope: string(g.Scope), Created: g.Created, LastUsed: g.LastUsed,
		})
	}
	return list, nil
}

// AddPlayer makes a grant and returns its secret, which is not kept.
func (h *Home) AddPlayer(_ context.Context, account, name, scope string) (control.NewPlayer, error) {
	a, err := h.chosen(account)
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
		return control.NewPlayer{}, problem.Newf(problem.Usage, "choose another name, or take that one away first: `shelfkeeper players revoke`",
			"account %s has a player called %q already", a.Name, name)
	case err != nil:
		return control.NewPlayer{}, stateProblem(err)
	}
	return control.NewPlayer{Secret: secret, Account: a.Name, ProxyURL: proxyURL(a.Port)}, nil
}

// RevokePlayer takes a grant away, by its name or id.
func (h *Home) RevokePlayer(_ context.Context, account, player string) error {
	a, err := h.chosen(account)
	if err != nil {
		return err
	}
	switch err := h.Grants.Revoke(a.Name, player); {
	case errors.Is(err, players.ErrNotFound):
		return problem.Newf(problem.Usage, "see `shelfkeeper players list`", "account %s has no player called %q", a.Name, player)
	case err != nil:
		return stateProblem(err)
	}
	return nil
}

// Players is Home.Players.
func (d *Daemon) Players(ctx context.Context, account string) ([]control.Player, error) {
	return d.home.Players(ctx, account)
}

// AddPlayer is Home.AddPlayer, with the address that is served now.
func (d *Daemon) AddPlayer(ctx context.Context, account, name, scope string) (control.NewPlayer, error) {
	out, err := d.home.AddPlayer(ctx, account, name, scope)
	if desk, missing := d.desk(account); err == nil && missing == nil {
		out.ProxyURL = desk.url()
	}
	return out, err
}

// RevokePlayer is Home.RevokePlayer.
func (d *Daemon) RevokePlayer(ctx context.Context, account, player string) error {
	return d.home.RevokePlayer(ctx, account, player)
}

// OpenPage returns an address under which the account's web page opens once.
func (d *Daemon) OpenPage(_ context.Context, account, scope string) (string, error) {
	desk, err := d.desk(account)
	if err != nil {
		return "", err
	}
	s, err := players.ParseScope(scope)
	if err != nil {
		return "", problem.New(problem.Usage, err, "")
	}
	url, err := desk.proxy.OpenURL(s)
	if err != nil {
		return "", problem.New(problem.Other, err, "")
	}
	return url, nil
}
