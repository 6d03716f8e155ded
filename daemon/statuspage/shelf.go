package statuspage

import (
	"context"

	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/library"
)

var _ dashboard.Shelves = acts{}

func (d acts) Search(ctx context.Context, account, words string) (library.Found, string, error) {
	a, err := d.cfg.Daemon.Search(ctx, account, words)
	return a.Found, a.ProxyURL, err
}

func (d acts) Cover(ctx context.Context, account, item string) (kind string, picture []byte, err error) {
	return d.cfg.Daemon.Cover(ctx, account, item)
}
