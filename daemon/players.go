package daemon

import (
	"context"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
)

// Players is Home.Players.
func (d *Daemon) Players(ctx context.Context, account string) ([]control.Player, error) {
	return d.home.Players(ctx, account)
}

// AddPlayer is Home.AddPlayer, with the address that is served now.
func (d *Daemon) AddPlayer(ctx context.Context, account, name, scope string) (control.NewPlayer, error) {
	out, err := d.home.AddPlayer(ctx, account, name, scope)
	if s, missing := d.serviceOf(account); err == nil && missing == nil {
		out.ProxyURL = s.URL()
	}
	return out, err
}

// TrustPlayer is Home.TrustPlayer.
func (d *Daemon) TrustPlayer(ctx context.Context, account, player, origin string) error {
	return d.home.TrustPlayer(ctx, account, player, origin)
}

// RevokePlayer is Home.RevokePlayer.
func (d *Daemon) RevokePlayer(ctx context.Context, account, player string) error {
	return d.home.RevokePlayer(ctx, account, player)
}

// OpenPage returns an address under which the account's web page opens once.
func (d *Daemon) OpenPage(ctx context.Context, account, scope string) (string, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return "", err
	}
	sc, err := players.ParseScope(scope)
	if err != nil {
		return "", problem.New(problem.Usage, err, "")
	}
	url, err := s.OpenURL(sc)
	if err != nil {
		return "", problem.New(problem.Other, err, "")
	}
	s.LearnUser(ctx)
	return url, nil
}
