package daemon

import (
	"context"

	"shelfkeeper/daemon/control"
)

// AddPlayer is Home.AddPlayer, with the address that is served now.
func (d *Daemon) AddPlayer(ctx context.Context, account, name, scope string) (control.NewPlayer, error) {
	out, err := d.home.AddPlayer(ctx, account, name, scope)
	if s, missing := d.serviceOf(account); err == nil && missing == nil {
		out.ProxyURL = s.URL()
	}
	return out, err
}
