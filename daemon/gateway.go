package daemon

import (
	"context"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/upstream"
)

// SetGateway changes what the gateway in front of an account's server gets, from the
// next request on.
func (d *Daemon) SetGateway(ctx context.Context, account string, change upstream.GatewayChange) (control.GatewayView, error) {
	view, err := d.home.SetGateway(ctx, account, change)
	if err != nil {
		return view, err
	}
	s, err := d.serviceOf(view.Account)
	if err != nil {
		return view, err
	}
	if err := s.ReloadGateway(ctx); err != nil {
		return view, problem.New(problem.Config, err, "")
	}
	return view, nil
}
