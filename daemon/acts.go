package daemon

import (
	"context"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/upstream"
)

// These acts need both what lies on disk and the service of the account.

// Prepare finds out whether a sign-in can succeed before a person types a name and
// a password for it. A vault that was made for it is made again by the sign-in:
// nobody may come back.
func (d *Daemon) Prepare(ctx context.Context, req control.SignInRequest, token bool) error {
	if err := d.home.Prepare(ctx, req, token); err != nil {
		return err
	}
	d.home.ReleaseEmptyVault(ctx)
	return nil
}

// AddPlayer is Home.AddPlayer, with the address that is served now.
func (d *Daemon) AddPlayer(ctx context.Context, account, name, scope string) (control.NewPlayer, error) {
	out, err := d.home.AddPlayer(ctx, account, name, scope)
	if s, missing := d.serviceOf(account); err == nil && missing == nil {
		out.ProxyURL = s.URL()
	}
	return out, err
}

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

// KeepEmergencyKey makes an API key that stands in for a lost session of the account.
func (d *Daemon) KeepEmergencyKey(ctx context.Context, account string, days int) (control.EmergencyKeyView, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return control.EmergencyKeyView{}, err
	}
	return d.home.KeepEmergencyKeyOf(ctx, s.Session(), s.Account(), days)
}

// DropEmergencyKey forgets it and removes it at the server.
func (d *Daemon) DropEmergencyKey(ctx context.Context, account string) (control.EmergencyKeyView, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return control.EmergencyKeyView{}, err
	}
	return d.home.DropEmergencyKeyOf(ctx, s.Session(), s.Account())
}
