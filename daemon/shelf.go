package daemon

import (
	"context"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/players"
)

// Search finds what an account can hear, by words or by an id.
func (d *Daemon) Search(ctx context.Context, account, words string) (control.SearchAnswer, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return control.SearchAnswer{}, err
	}
	found, err := s.Search(ctx, words)
	return control.SearchAnswer{Account: d.home.Shown(s.Account().Name), ProxyURL: s.URL(), Found: found}, err
}

// Episodes returns the newest episodes of a podcast.
func (d *Daemon) Episodes(ctx context.Context, account, podcast string) (library.Found, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return library.Found{}, err
	}
	return s.Episodes(ctx, podcast)
}

// PlayerGrant begins a sign-in of a player of the user.
func (d *Daemon) PlayerGrant(ctx context.Context, account string, player players.Process) (access, refresh string, err error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return "", "", err
	}
	return s.PlayerGrant(ctx, player)
}

// Cover returns a small picture of an item, and its type.
func (d *Daemon) Cover(ctx context.Context, account, item string) (kind string, picture []byte, err error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return "", nil, err
	}
	return s.Cover(ctx, item)
}
